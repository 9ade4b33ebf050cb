"""Adding: what sources hold becomes items, places and labels."""
