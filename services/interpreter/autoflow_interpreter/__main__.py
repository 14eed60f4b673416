"""Serves the interpreter alone: `python -m autoflow_interpreter`."""

from autoflow.server import main
from autoflow_interpreter import build

if __name__ == "__main__":
    main(build)
