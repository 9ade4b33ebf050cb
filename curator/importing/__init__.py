"""Importing what other programs worked out: vectors."""
