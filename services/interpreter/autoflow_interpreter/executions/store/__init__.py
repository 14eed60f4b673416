"""Where executions and their events are kept."""

from autoflow_interpreter.executions.store.executions import MIGRATIONS, ExecutionStore
from autoflow_interpreter.executions.store.tables import DEFAULT_TENANT

__all__ = ["DEFAULT_TENANT", "MIGRATIONS", "ExecutionStore"]
