"""Registered workflows, as the command line asks for them and shows them."""
