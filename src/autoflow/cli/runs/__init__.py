"""Runs as the command line creates, follows and shows them."""
