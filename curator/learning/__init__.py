"""What is learnt on vectors: heads and how well they do, similarities, fine-tuned and pretrained encoders."""
