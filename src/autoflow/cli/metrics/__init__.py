"""A scorer's metrics as the command line lists them, and pairs as it scores them."""
