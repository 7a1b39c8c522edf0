"""Running the stacks of an environment, and what roles are told about it."""
