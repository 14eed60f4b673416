"""Where runs are kept."""

from autoflow_trainer.store.runs import RunStore

__all__ = ["RunStore"]
