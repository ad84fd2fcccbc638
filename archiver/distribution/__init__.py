"""How a policy reaches a machine, and which one counts there."""
