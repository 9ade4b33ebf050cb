"""What was done, and how it is taken back, kept and proven."""
