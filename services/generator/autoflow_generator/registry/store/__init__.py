"""Where the registry is kept."""

from autoflow_generator.registry.store.store import MIGRATIONS, RegistryStore

__all__ = ["MIGRATIONS", "RegistryStore"]
