"""What is stored: `catalogue.db` (what people decided), `derived.db` (cache), `objects/` (content-addressed files)."""
