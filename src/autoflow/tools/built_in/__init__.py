"""The tools that are part of every installation: they reach nothing outside of this process."""
