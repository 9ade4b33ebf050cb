"""First-party heads."""
