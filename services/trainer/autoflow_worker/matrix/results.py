"""What a matrix found."""

from __future__ import annotations

from dataclasses import dataclass, field

from autoflow_worker.flags import Flag
from autoflow_worker.ledger import Ledger
from autoflow_worker.matrix.spec import ModelName
from autoflow_worker.ports import Workflow
from autoflow_worker.statistics import Estimate


@dataclass(frozen=True, slots=True)
class PairingResult:
    """A generator with an interpreter."""

    generator: ModelName
    interpreter: ModelName
    winner: Workflow | None
    """None where no valid workflow was found, as for what follows."""
    validation_mean: float = 0.0
    reward: Estimate | None = None
    """On the split of the request, interval over tasks."""
    valid_rate: float = 0.0
    """Of the candidates."""
    drawn: int = 0
    """Candidates in all."""
    missing: int = 0
    """Tasks of the split."""
    spent: Ledger = field(default_factory=Ledger)
    flags: tuple[Flag, ...] = ()

    @property
    def name(self) -> str:
        """What flags call its winner."""
        return f"{self.generator} / {self.interpreter}"


@dataclass(frozen=True, slots=True)
class MatrixResult:
    """What a matrix found."""

    pairings: tuple[PairingResult, ...]
    """The first generator with each interpreter, then the next."""
    test_openings: int
    """0 for another split than the test's."""
    suite_digest: str
    page: str
    """Artifact of the page to look at."""
