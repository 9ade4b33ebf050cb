"""Models and their vectors: how items are embedded, and how vectors are searched."""
