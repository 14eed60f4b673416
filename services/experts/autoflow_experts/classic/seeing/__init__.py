"""Looks at pictures: where and when it is, and which things there are. Knows only pixels."""
