"""The core: what curator does, without knowing any encoder, head, action, metric or reader by name."""
