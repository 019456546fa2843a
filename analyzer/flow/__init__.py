"""What holds at each place of a topology: which steps ran, which conditions, which variables."""
