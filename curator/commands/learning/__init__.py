"""What learns from items: encoders and heads."""
