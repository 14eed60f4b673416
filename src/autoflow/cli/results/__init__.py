"""What a run found: plain values, and how they are shown."""
