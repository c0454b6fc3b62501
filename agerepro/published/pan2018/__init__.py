"""What pan2018 prints: its tables as YAML, and its claims beside their computations."""
