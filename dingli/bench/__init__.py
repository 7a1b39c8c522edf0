"""`make bench`: measures the targets, unattended, and writes bench.json beside the evidence."""
