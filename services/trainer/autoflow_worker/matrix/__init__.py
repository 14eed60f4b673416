"""Matrices: every generator with every interpreter, each pairing with a search of its own."""
