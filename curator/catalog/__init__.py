"""What the catalogue holds: items, where they are, labels, pairs and tables."""
