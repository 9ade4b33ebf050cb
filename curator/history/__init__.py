"""What was written, by whom and when: the journal, undo, the lock, and moves of people's files."""
