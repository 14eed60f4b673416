"""The suite on which the tests of trip planning are tried; making it takes a second."""

from __future__ import annotations

from autoflow.suites import Split
from autoflow.suites.travel import travel_suite

SUITE = travel_suite()
DATABASE = SUITE.database
TASKS = [task for split in Split for task in SUITE.tasks(split)]
