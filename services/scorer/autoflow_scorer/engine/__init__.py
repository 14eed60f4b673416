"""The neural metrics' engine: encoders and their matching. The only part of the scorer that imports torch."""
