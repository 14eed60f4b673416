"""Serves the interpreter alone: `python -m autoflow_interpreter`; with `migrate`, migrates its database."""

import os
import sys

from autoflow.server import main
from autoflow_interpreter import build
from autoflow_interpreter.executions.migrate import migrate

if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            main(build)
        case ["migrate"]:
            sys.exit(migrate(os.environ))
        case _:
            sys.exit("usage: python -m autoflow_interpreter [migrate]")
