"""The core: what curator does, without knowing any encoder, head, action or reader by name."""
