"""Where things are kept: blobs by their content, and the engine under every service's own tables."""
