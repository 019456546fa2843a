"""What holds at each place of a sequence: which steps ran, which conditions, which variables."""
