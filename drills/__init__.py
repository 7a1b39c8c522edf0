"""Drills: rehearsed faults and switches with a verdict, and the checker that decides what was lost."""
