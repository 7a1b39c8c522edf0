"""Load on a cell: a FIX member as a Locust user, an open-loop probe, and the records that the checker reads."""
