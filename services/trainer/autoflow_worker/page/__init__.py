"""What the pages of all kinds of runs have in common: the frame, its style, and tables of flags and costs."""
