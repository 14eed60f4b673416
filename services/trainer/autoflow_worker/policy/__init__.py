"""The policy: a causal language model with a LoRA adapter. The only part of the worker that imports torch."""
