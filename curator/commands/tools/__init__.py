"""What curator itself is made of here: plugins and commands."""
