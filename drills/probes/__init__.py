"""What drills look at; each function is a Chaos Toolkit probe."""
