"""What `autoflow execute` does."""
