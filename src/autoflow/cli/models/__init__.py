"""A catalogue's models as the command line lists and checks them."""
