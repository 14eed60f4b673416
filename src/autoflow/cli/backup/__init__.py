"""Backs up and restores the folder of a system that runs on one machine."""
