"""Actions at work: what a plan reads, what becomes of what it yields, and whom it asks."""
