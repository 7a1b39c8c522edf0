"""What Chaos Toolkit leaves out: the plan, the confirmation, evidence, and a verdict that a failed action fails."""
