"""Executions as the command line lists, shows, follows, answers and cancels them."""
