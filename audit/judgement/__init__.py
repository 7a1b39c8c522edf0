"""Judging: pure functions from evidence to verdicts, which can be run again offline."""
