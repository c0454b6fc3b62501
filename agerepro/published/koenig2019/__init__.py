"""koenig2019: its tables as printed, and what it prints that can be computed again."""
