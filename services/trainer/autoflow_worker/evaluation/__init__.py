"""Evaluations: given workflows, and the reference plans, measured side by side on the tasks of a split."""
