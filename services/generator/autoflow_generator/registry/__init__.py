"""The registry: workflows in versions that never change, and aliases that point at them."""
