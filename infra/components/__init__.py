"""The parts that a site is built from."""
