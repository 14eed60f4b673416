"""Where runs and suites are kept."""

from autoflow_trainer.store.runs import MIGRATIONS, RunStore
from autoflow_trainer.store.suites import SuiteStore

__all__ = ["MIGRATIONS", "RunStore", "SuiteStore"]
