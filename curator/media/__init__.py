"""Files as they lie on the disk: whether they can be read, what they hold, and how they become pixels."""
