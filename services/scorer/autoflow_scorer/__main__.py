"""Serves the scorer alone: `python -m autoflow_scorer`."""

from autoflow.server import main
from autoflow_scorer import build

if __name__ == "__main__":
    main(build)
