"""What a stack may not do. The engine runs this folder as a policy pack; docs/policies.md explains the rules."""
