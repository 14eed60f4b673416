"""What `autoflow evaluate` does."""
