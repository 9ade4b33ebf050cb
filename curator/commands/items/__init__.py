"""What there is, what is said of it, and how it comes and goes."""
