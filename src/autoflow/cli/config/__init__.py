"""What `autoflow config` needs: which settings there are, and what the environment makes of them."""
