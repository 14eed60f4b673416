"""Experts that are models of transformers, loaded when they are first wanted and held within a budget.

`catalogue` reads which tools have one, `expert` holds it for a call; what is below `tasks` imports torch, and
is imported when the first model is loaded.
"""
