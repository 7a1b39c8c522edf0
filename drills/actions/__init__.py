"""What drills do; each function is a Chaos Toolkit action."""
