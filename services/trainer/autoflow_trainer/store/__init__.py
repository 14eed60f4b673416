"""Where runs are kept."""

from autoflow_trainer.store.runs import MIGRATIONS, RunStore

__all__ = ["MIGRATIONS", "RunStore"]
