"""The trainer service: keeps runs, launches their workers, and follows them to their end.

The way in is `build`. `runs`, `lifecycle`, `requests` and `paging` hold the domain; `control` is what callers
can do, `leases` what workers can; `supervisor` keeps a worker on every run, `store` keeps the runs;
`servicers` and `convert` are the wire.
"""

from autoflow_trainer.service import build

__all__ = ["build"]
