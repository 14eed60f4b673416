"""The surface of the command line: a module for each command, light to import."""
