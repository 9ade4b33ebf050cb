"""What becomes of what a plan yields: one module for each kind, with how it is checked, carried out and told of."""
