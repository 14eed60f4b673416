"""What plans do to samples, which plans are refused, and whose fault a failure is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoflow.errors import Unavailable
from autoflow.plans import chains
from autoflow.suites import Content, ContentType, Tool
from autoflow.suites.planning import TOOLS
from autoflow.tools.model import ToolFailure
from autoflow_interpreter.plan_execution import (
    PlanExecutor,
    PlanOutcome,
    PlanResult,
    PlanTarget,
    StepFailure,
)

IMAGE, TEXT = ContentType.IMAGE, ContentType.TEXT
PICTURE = b"picture"


class Notes:
    """Tools that write down what was done to what, and how many calls ran at once."""

    def __init__(self, *, broken: str = "", lost: str = "") -> None:
        self.tools = {tool.name: tool for tool in TOOLS}
        self.complete = True
        self._broken = broken
        self._lost = lost
        self._running = 0
        self.at_once = 0
        self.calls: list[tuple[str, int]] = []

    def check(self) -> None:
        pass

    async def open(self) -> Notes:
        return self

    async def call(self, tool: Tool, samples: Sequence[Sequence[Content]]) -> list[Content | ToolFailure]:
        self.calls.append((tool.name, len(samples)))
        if tool.name == self._lost:
            raise Unavailable("the tools cannot be reached")
        self._running += 1
        self.at_once = max(self.at_once, self._running)
        await asyncio.sleep(0)
        self._running -= 1
        return [self._apply(tool, sample) for sample in samples]

    def _apply(self, tool: Tool, sample: Sequence[Content]) -> Content | ToolFailure:
        if tool.name == self._broken and "spoilt" in str(sample[0]):
            return ToolFailure("it is spoilt")
        assert tuple(ContentType.of(content) for content in sample) == tool.inputs
        done = f"{tool.name}({', '.join(c if isinstance(c, str) else c.decode() for c in sample)})"
        return done if tool.output is TEXT else done.encode()


async def execute(
    text: str,
    samples: Sequence[Sequence[Content]],
    output: ContentType,
    box: Notes | None = None,
    **limits: int,
) -> PlanResult:
    return await PlanExecutor(box or Notes(), **limits).execute(text, PlanTarget(samples, output))


async def test_each_tool_works_on_what_the_one_before_it_made() -> None:
    result = await execute("Image Denoising, Image Captioning, Machine Translation", [[PICTURE]], TEXT)

    assert result.outcome is PlanOutcome.EXECUTED
    assert result.samples == ("Machine Translation(Image Captioning(Image Denoising(picture)))",)


async def test_an_output_takes_the_place_of_what_it_was_made_of() -> None:
    plan = "fill mask -> question answering"
    result = await execute(plan, [["a ___ ball", "What is red?"]], TEXT)

    assert result.samples == ("Question Answering(Fill Mask(a ___ ball), What is red?)",)


async def test_a_picture_and_a_question_are_joined() -> None:
    result = await execute("Deblur image; VQA", [[PICTURE, "What is red?"]], TEXT)

    assert result.samples == ("Visual Question Answering(Image Deblurring(picture), What is red?)",)
    assert [match.how for match in result.matches] == ["likeness", "alias"]


async def test_samples_are_done_in_batches_at_once() -> None:
    box = Notes()
    samples = [[f"text {number}"] for number in range(10)]
    result = await execute("Text Summarization, Sentiment Analysis", samples, TEXT, box, batch=4)

    assert result.samples == tuple(
        f"Sentiment Analysis(Text Summarization(text {number}))" for number in range(10)
    )
    assert box.calls == [("Text Summarization", n) for n in (4, 4, 2)] + [
        ("Sentiment Analysis", n) for n in (4, 4, 2)
    ]
    assert box.at_once == 3


async def test_a_sample_that_a_tool_cannot_do_fails_alone_and_goes_no_further() -> None:
    box = Notes(broken="Text Summarization")
    result = await execute("Text Summarization, Sentiment Analysis", [["good"], ["spoilt"]], TEXT, box)

    assert result.outcome is PlanOutcome.EXECUTED
    assert result.samples == (
        "Sentiment Analysis(Text Summarization(good))",
        StepFailure(0, "Text Summarization", "it is spoilt"),
    )
    assert box.calls[-1] == ("Sentiment Analysis", 1)


async def test_a_failure_says_at_which_step() -> None:
    result = await execute(
        "Text Summarization, Sentiment Analysis", [["spoilt"]], TEXT, Notes(broken="Sentiment Analysis")
    )

    assert result.samples == (StepFailure(1, "Sentiment Analysis", "it is spoilt"),)


async def test_samples_need_not_wait_for_others_to_go_on() -> None:
    ahead = asyncio.Event()

    class Slow(Notes):
        async def call(self, tool: Tool, samples: Sequence[Sequence[Content]]) -> list[Content | ToolFailure]:
            if "slow" in samples[0] and tool.name == "Text Summarization":
                async with asyncio.timeout(20):
                    await ahead.wait()
            elif tool.name == "Sentiment Analysis":
                ahead.set()
            return await super().call(tool, samples)

    plan = "Text Summarization, Sentiment Analysis"
    result = await execute(plan, [["slow"], ["quick"]], TEXT, Slow(), batch=1)

    assert len(result.samples) == 2


async def test_tools_that_cannot_be_reached_are_no_fault_of_the_plan() -> None:
    with pytest.raises(Unavailable):
        await execute("Text Summarization", [["a"]], TEXT, Notes(lost="Text Summarization"))


@pytest.mark.parametrize(
    ("text", "outcome", "detail"),
    [
        ("", PlanOutcome.NO_PLAN, "names no tool"),
        (", ".join(["Image Denoising"] * 65), PlanOutcome.NO_PLAN, "65 tools"),
        ("Image Denoising, Mind Reading", PlanOutcome.UNKNOWN_TOOL, "'Mind Reading' is no tool's name"),
        ("Image", PlanOutcome.UNKNOWN_TOOL, "the nearest are Image Denoising"),
        (
            "Image Captioning, Colorization",
            PlanOutcome.TYPES_DO_NOT_FIT,
            "step 2, Colorization, takes an image",
        ),
        ("Image Denoising", PlanOutcome.TYPES_DO_NOT_FIT, "ends with an image, and a text is wanted"),
        (
            "Visual Question Answering",
            PlanOutcome.TYPES_DO_NOT_FIT,
            "takes an image and a text, and there is",
        ),
    ],
)
async def test_a_plan_that_cannot_be_executed_is_an_outcome_and_nothing_runs(
    text: str, outcome: PlanOutcome, detail: str
) -> None:
    box = Notes()
    result = await execute(text, [[PICTURE]], TEXT, box)

    assert result.outcome is outcome
    assert detail in result.detail
    assert result.samples == ()
    assert box.calls == []


@given(
    st.lists(st.sampled_from([tool.name for tool in TOOLS]), min_size=1, max_size=6),
    st.lists(st.sampled_from([IMAGE, TEXT]), min_size=1, max_size=3),
    st.sampled_from([IMAGE, TEXT]),
)
def test_a_plan_is_executed_where_its_types_chain_and_not_elsewhere(
    plan: list[str], inputs: list[ContentType], output: ContentType
) -> None:
    sample: list[Content] = ["text" if kind is TEXT else PICTURE for kind in inputs]
    result = asyncio.run(execute(", ".join(plan), [sample], output))

    tools = {tool.name: tool for tool in TOOLS}
    assert (result.outcome is PlanOutcome.EXECUTED) == chains(plan, tools, inputs, output)
