"""Lambda functions as processes that see what Lambda would give them, and nothing else."""
