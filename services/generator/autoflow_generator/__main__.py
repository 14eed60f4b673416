"""Serves the generator alone: `python -m autoflow_generator`; with `migrate`, migrates its database."""

import os
import sys

from autoflow.server import main
from autoflow_generator import build
from autoflow_generator.registry.migrate import migrate

if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            main(build)
        case ["migrate"]:
            sys.exit(migrate(os.environ))
        case _:
            sys.exit("usage: python -m autoflow_generator [migrate]")
