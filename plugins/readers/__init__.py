"""First-party readers."""
