"""The page of an optimisation: one HTML file with all that was tried, found, spent and refused."""
