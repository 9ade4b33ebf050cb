"""What a head is fitted on: labelled items with their vectors, and some that nobody labelled."""
