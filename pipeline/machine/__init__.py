"""What this machine has: models and their weights, and whether a run could begin."""
