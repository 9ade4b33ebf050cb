"""Plugins: their hooks, how they are found and isolated, and what they hand over held to its declaration."""
