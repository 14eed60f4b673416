"""Every pairing of models, as the command line asks for it and shows it."""
