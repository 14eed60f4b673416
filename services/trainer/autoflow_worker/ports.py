"""What the worker needs of the other services, in plain terms.

The protocols are implemented over gRPC in `autoflow_worker.remote`, and by small fakes in tests. An
implementation turns every failure of the infrastructure into `CallFailed`; any other error means that the run
itself is wrong (an unknown model, a refused request) and ends it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from autoflow.errors import Unavailable
from autoflow.llm.base import Usage
from autoflow.suites import Content, Task
from autoflow.suites.judging import Verdict
from autoflow_worker.ledger import Ledger


class CallFailed(Unavailable):
    """A service could not be reached or could not serve; the same call may succeed later.

    Attributes:
        retry_after: seconds that the service asked to wait; 0 where it did not say.
    """

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TimedOut(CallFailed):
    """A call ran for all the time that it had, and did not end. That is dear, so it is tried again only once.

    Attributes:
        usage: what it cost all the same.
    """

    def __init__(self, message: str, usage: Usage) -> None:
        super().__init__(message)
        self.usage = usage


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow that lints without errors."""

    text: str
    digest: str
    """`sha256:<hex>` of the canonical text."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A workflow as it was drawn."""

    workflow: Workflow | None
    """None where the draw is not a valid workflow."""
    truncated: bool
    """Whether the token limit cut it off."""
    token_ids: tuple[int, ...]
    """The drawn ids, the end token included."""
    usage: Usage
    log_probs: tuple[float, ...] = ()
    """Of each drawn token, under temperature and mask; empty where the sampler does not tell."""
    text: str = ""
    """As it stands, also where it is not valid."""
    error: str = ""
    """What is wrong with it, for the model; empty where it is valid."""
    mended: bool = False
    """Whether it was repaired or corrected: then it is not what was sampled at first."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What all candidates of a run were drawn from: all that is needed to compute their likelihood again."""

    token_ids: tuple[int, ...]
    grammar: str
    """EBNF that masked the draw."""


@dataclass(frozen=True, slots=True)
class Generation:
    """The answer to one request for candidates."""

    prompt: Prompt
    candidates: tuple[Candidate, ...]
    """In the order of their seeds."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a step did in an execution; one that a loop repeats stands there as often."""

    name: str
    instruction: str = ""
    answer: str = ""
    """Empty where the model gave none."""
    tool: str = ""
    """The last one that it called; empty where it called none."""
    tool_input: str = ""
    tool_output: str = ""
    """What that tool returned, or how it failed."""


@dataclass(frozen=True, slots=True)
class Execution:
    """How a workflow did on a task."""

    answer: str | None
    """None where the execution ended without an answer."""
    usage: Usage
    tool_calls: int = 0
    limited: bool = False
    """Whether it ended at a limit of its own."""
    seconds: float = 0.0

    @property
    def cost(self) -> Ledger:
        """What it cost."""
        return Ledger(
            executions=1,
            usage=self.usage,
            seconds=self.seconds,
            tool_calls=self.tool_calls,
            limited=int(self.limited),
        )

    steps: tuple[Step, ...] = ()
    """In the order in which they were executed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a plan made of one sample."""

    value: float
    """In [0, 1]; 0 where a tool could not do it."""
    output: Content | None = None
    """None where a tool could not do it, or where outputs are not kept."""
    failure: str = ""
    """What the tool said."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a score rests on, for people to look at."""

    answer: str
    plan: tuple[str, ...] = ()
    """The tools that the answer's names mean."""
    detail: str = ""
    """Why the plan was not executed, or the answer cannot be read."""
    outcomes: tuple[Outcome, ...] = ()
    """Of the first samples."""
    verdicts: tuple[Verdict, ...] = ()
    """Of every constraint of the task, where a judge scores."""


@dataclass(frozen=True, slots=True)
class Score:
    """What an answer is worth."""

    plan_valid: bool
    """Where a judge scores, whether the answer can be read."""
    reward: float
    """In [0, 1]; 0 where the plan is not valid."""
    plan_f1: float = 0.0
    """How much the plan is like an accepted one, in [0, 1], whatever the reward is; a judge does not tell."""
    evidence: Evidence | None = field(default=None, compare=False, repr=False)
    """None where nobody wants to look at it."""
    passed: bool = False
    """Whether every constraint holds, where a judge scores."""
    cost: Ledger | None = field(default=None, compare=False)
    """Of what was done to have it, also where it came from the cache; None where that is not known. What
    several have in common is the cost of each."""


class Generator(Protocol):
    """Draws workflows at the run's temperature, under its grammar."""

    async def draw(self, count: int, *, seed: int, adapter: str) -> Generation:
        """Draws candidates.

        Args:
            count: how many, 1 to 256.
            seed: candidate i is drawn with `seed + i`.
            adapter: digest of the policy's adapter; empty means the untrained model.

        Raises:
            CallFailed: the service could not serve.
        """


class Interpreter(Protocol):
    """Executes workflows with the run's interpreter model."""

    @property
    def identity(self) -> str:
        """Everything but workflow, task and seed that decides an execution: model, prompts, sampling."""

    async def execute(self, workflow: Workflow, task: Task, *, seed: int = 0) -> Execution:
        """Executes a workflow on a task.

        Args:
            workflow: what to execute.
            task: on what.
            seed: of the draw of tokens; without a temperature it changes nothing.

        Raises:
            TimedOut: the execution did not end in the time that it had.
            CallFailed: the service could not serve.
        """


class Scorer(Protocol):
    """Scores answers."""

    async def score(self, answers: Sequence[tuple[str, Task]]) -> list[Score]:
        """Scores each answer on its task.

        Raises:
            CallFailed: the service could not serve.
        """


class Artifacts(Protocol):
    """Content-addressed blobs and folders. The calls block: hand them to a thread."""

    def put(self, data: bytes) -> str:
        """Stores a blob and returns its digest, `sha256:<hex>`."""

    def put_folder(self, path: Path) -> str:
        """Stores a folder and returns its digest, `sha256:<hex>`."""

    def fetch_folder(self, digest: str, into: Path) -> Path:
        """Writes a stored folder to `into` and returns where it lies.

        Raises:
            NotFound: there is no such folder.
        """


@dataclass(frozen=True, slots=True)
class UpdateStats:
    """What an update of the policy did."""

    kl: float
    """Divergence from the untrained policy, nats a token, estimated on the samples that were learned from."""
    loss: float
    gradient_norm: float
    """Before clipping."""


@dataclass(frozen=True, slots=True)
class WeightedSample:
    """One term of a policy's loss: minus `weight` times the log-likelihood of a drawn sequence."""

    token_ids: tuple[int, ...]
    weight: float


Batch = tuple[WeightedSample, ...]
"""What one step of the optimiser learns from."""


class Policy(Protocol):
    """The weights that learn. The calls block: hand them to a thread."""

    def update(self, prompt: Prompt, batches: Sequence[Batch], *, rate: float = 1.0) -> UpdateStats:
        """Takes one step of the optimiser for each batch, of which there is at least one.

        Args:
            prompt: what all samples were drawn for, and under which grammar.
            batches: what each step learns from.
            rate: the part of the full learning rate that the steps take.
        """

    def log_probs(self, prompt: Prompt, drawn: Sequence[tuple[int, ...]]) -> list[tuple[float, ...]]:
        """The log-probability of each token of drawn sequences, at the run's temperature.

        Args:
            prompt: what all were drawn for, and under which grammar.
            drawn: token ids, at least one sequence of at least one token.
        """

    def save(self, adapter: Path, optimizer: Path) -> None:
        """Writes the adapter to the first folder, to be served, and the optimiser's state to the second."""

    def load(self, adapter: Path, optimizer: Path) -> None:
        """Goes back to what `save` wrote, exactly."""
