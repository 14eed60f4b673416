"""Executions that are kept: what is known of them, and where."""
