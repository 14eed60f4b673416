"""How the shipped towers are trained. Nothing here is needed to use them."""
