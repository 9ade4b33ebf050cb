"""How a workspace is: its state, one item in detail, what is wrong with it, and a backup of it."""
