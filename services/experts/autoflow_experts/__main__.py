"""Serves the experts alone: `python -m autoflow_experts`."""

from autoflow.server import main
from autoflow_experts import build

if __name__ == "__main__":
    main(build)
