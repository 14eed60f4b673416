"""The trainer service: keeps suites and runs, launches the runs' workers, and follows them to their end.

The way in is `build`. `runs`, `lifecycle` and `requests` hold the domain; `control` is what callers
can do, `leases` what workers can; `library` and `uploads` see to suites; `supervisor` keeps a worker on every
run, `store` keeps runs and suites; `servicers`, `convert` and `suite_convert` are the wire.
"""

from autoflow_trainer.service import build

__all__ = ["build"]
