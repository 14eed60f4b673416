"""Serves the trainer alone: `python -m autoflow_trainer`."""

from autoflow.server import main
from autoflow_trainer import build

if __name__ == "__main__":
    main(build)
