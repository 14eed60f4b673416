"""Seeds depend on what they are for, and on nothing else."""

from __future__ import annotations

import hashlib
from itertools import product

from autoflow_worker.seeds import Purpose, derive


def test_every_choice_of_every_run_has_a_seed_of_its_own() -> None:
    seeds = {derive(seed, purpose, index) for seed, purpose, index in product(range(5), Purpose, range(50))}
    assert len(seeds) == 5 * len(Purpose) * 50


def test_seeds_leave_room_for_a_stretch_of_candidates_in_a_signed_64_bit_field() -> None:
    assert all(0 <= derive(1, Purpose.CANDIDATES, index) < 2**48 for index in range(1000))


def test_a_seed_is_the_same_in_every_process() -> None:
    # Python's own hash of a text differs from process to process; a resumed run must not.
    assert derive(7, Purpose.TASKS, 3) == int(hashlib.sha256(b"7/tasks/3").hexdigest()[:12], 16)
