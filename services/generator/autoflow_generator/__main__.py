"""Serves the generator alone: `python -m autoflow_generator`."""

from autoflow.server import main
from autoflow_generator import build

if __name__ == "__main__":
    main(build)
