"""The old place of `curator.reporter` and `curator.running.dialogue`: what documentation named works on for a while."""
