"""Tools as the command line lists and calls them."""
