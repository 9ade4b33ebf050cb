"""Files that an action set aside: how they go there, and how they come back or go for good."""
