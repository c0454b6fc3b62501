"""What agustsson2017 prints: its tables as YAML, and its claims beside their computations."""
