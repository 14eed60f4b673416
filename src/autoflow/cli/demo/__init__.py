"""What `autoflow demo` does: the whole idea, once, on this machine."""
