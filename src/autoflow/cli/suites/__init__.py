"""Suites of a trainer, for `autoflow suites`."""
