"""What holds of every memory, whatever is said and however little room there is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from autoflow import prompts
from autoflow.language import Step, StepType
from autoflow.llm import Capabilities, Message
from autoflow.testing import ScriptedEmbedder, ScriptedModel
from autoflow_interpreter.events import MemoryStrategy
from autoflow_interpreter.journal import Journal, Unkept
from autoflow_interpreter.limits import BoundedModel, Clock, Limits
from autoflow_interpreter.memory import MemorySettings, Recollection, Room, memory_for
from autoflow_interpreter.memory.budget import Relevant, fit, tokens
from autoflow_interpreter.memory.contents import Kind
from autoflow_interpreter.memory.entries import Entries
from autoflow_interpreter.past import Past
from autoflow_interpreter.protocols.stepwise import PlainFrame

words = st.text(
    st.characters(codec="utf-8", categories=["L", "N", "P"], exclude_characters=":", include_characters=" $"),
    max_size=40,
).map(lambda text: f"Do {text}.")
answers = (
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=400)
    | st.integers(2, 40).map(lambda rows: "\n".join(["city,price", *["Bonn,3"] * rows]))
    | st.just("data:image/png;base64," + "QUJD" * 100)
)
executions = st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), words, answers), min_size=1, max_size=8)


async def remembered(
    strategy: MemoryStrategy, query: str, executed: Sequence[tuple[str, str, str]], room: Room, said: str
) -> tuple[list[Recollection], ScriptedModel]:
    """What each of the steps is shown, and who was asked about it."""
    model = ScriptedModel(
        lambda messages: said,
        choose=None if len(said) % 2 else lambda messages, options: 0,
        capabilities=Capabilities(grammar=len(said) % 3 == 0),
    )
    bounded = BoundedModel(model, None, Limits(max_tokens=10**9), Clock(60), Journal(Unkept(), Past()))
    embedder = ScriptedEmbedder(lambda text: [float(len(text) % 5), 1.0])
    memory = memory_for(
        strategy, query, PlainFrame(query, ()), room=room, settings=MemorySettings(top=3), embedder=embedder
    )
    recalled = []
    for name, instruction, answer in executed:
        step = Step(name, StepType.PROCESS, instruction, ())
        recalled.append(await memory.ask(step, bounded))
        memory.answered(step, answer)
    return recalled, model


def total(messages: Sequence[Message]) -> int:
    return sum(tokens(message.content) for message in messages)


@given(
    st.sampled_from(MemoryStrategy),
    words,
    executions,
    st.integers(1, 300),
    st.integers(0, 600),
    st.sampled_from(["1", "none", "A", "what?", "1, 2"]),
)
async def test_a_prompt_keeps_to_its_budget_and_never_loses_the_task(
    strategy: MemoryStrategy,
    query: str,
    executed: list[tuple[str, str, str]],
    memory_tokens: int,
    context: int,
    said: str,
) -> None:
    room = Room(memory_tokens, context, answer_tokens=16)
    recalled, model = await remembered(strategy, query, executed, room, said)

    for (_, instruction, _), shown in zip(executed, recalled, strict=True):
        bare = prompts.execution(query, (), instruction)
        assert shown.messages[0] == bare[0]
        assert shown.messages[1].content.startswith(f"Task: {query}\n")
        assert shown.messages[-1].content.endswith(instruction)
        beside = sum(len(each.content.encode()) for each in shown.messages) - sum(
            len(each.content.encode()) for each in bare
        )
        assert beside <= 3 * memory_tokens
        if strategy is not MemoryStrategy.APPEND and context:
            assert total(shown.messages) + 16 <= max(context, total(bare) + 16)
        assert not set(shown.unread) & {*shown.shown, *shown.cut}
    for call in model.calls:
        assert any(query in message.content for message in call.messages)
        if strategy is MemoryStrategy.DIRECT:
            instruction = call.messages[-1].content.split("\nNext instruction: ")[1].split("\n")[0]
            unlisted = prompts.selection(query, instruction, [], again=True)
            assert total(call.messages) <= total(unlisted) + memory_tokens
    if strategy in (MemoryStrategy.APPEND, MemoryStrategy.EMBEDDING):
        assert model.calls == []


@given(executions, words)
async def test_without_limits_append_shows_all_and_changes_nothing(
    executed: list[tuple[str, str, str]], query: str
) -> None:
    recalled, _ = await remembered(MemoryStrategy.APPEND, query, executed, Room(), "")

    for number, shown in enumerate(recalled):
        assert shown.messages[:2] == prompts.execution(query, (), executed[0][1])
        said = [message.content for message in shown.messages[2:]]
        assert said == [
            each
            for (_, _, answer), (_, instruction, _) in pairwise(executed[: number + 1])
            for each in (answer, instruction)
        ]
        assert shown.cut == ()


@given(
    st.lists(st.tuples(answers, st.sampled_from([0.0, 0.5, 1.0])), max_size=8),
    st.integers(0, 400),
    st.integers(0, 3),
)
def test_what_matters_least_gives_way_first_and_every_entry_is_accounted_for(
    said: list[tuple[str, float]], room: int, unread: int
) -> None:
    entries = Entries()
    for answer, _ in said:
        entries.remember("Step", "Say it", answer)
    relevant = [Relevant(entry, place, said[place][1]) for place, entry in enumerate(entries)]
    fitted = fit(relevant, unread=unread, room=room)

    assert tokens(fitted.text) <= room
    keys = [entry.key for entry in entries]
    whole = [key for key in fitted.shown if key not in fitted.cut]
    assert sorted({*fitted.shown, *fitted.cut}) == sorted(keys)
    assert list(fitted.shown) == [key for key in keys if key in fitted.shown]
    assert len(fitted.shown) - len(whole) <= 1
    for each in relevant:
        for other in relevant:
            if each.entry.key in whole and other.entry.key in fitted.cut:
                assert (each.relevance, each.place) > (other.relevance, other.place)
    for each in relevant:
        if each.entry.key in whole:
            assert each.entry.content.text in fitted.text
    if fitted.text:
        missing = len(keys) - len(fitted.shown)
        assert (f"lack of room: {missing}." in fitted.text) == bool(missing)
        assert (f"whether they matter: {unread}." in fitted.text) == bool(unread)
    if not room:
        assert fitted.text == ""


def test_the_last_entry_that_is_left_is_shortened_and_a_table_by_whole_rows() -> None:
    entries = Entries()
    entries.remember("Step", "List the prices", "\n".join(["city,price", *(f"Bonn,{n}" for n in range(200))]))
    entries.remember("Step", "Tell a story", "Once upon a time. " * 100)
    assert [entry.content.kind for entry in entries] == [Kind.TABLE, Kind.TEXT]

    story = fit([Relevant(entries[1], 1)], room=120)
    assert story.shown == story.cut == ("Step #2",)
    assert "(Shortened: " in story.text
    assert " of 1,799 characters are shown.)" in story.text
    table = fit([Relevant(entries[0], 0)], room=120)
    *_, last_row, mark = table.text.rstrip().splitlines()
    assert mark.startswith("(Shortened: ")
    assert last_row.startswith("Bonn,")
    assert tokens(table.text) <= 120


async def test_the_questions_of_an_instruction_begin_alike() -> None:
    """All up to the entry's key, so that a provider's prefix cache holds."""
    executed = [("Step", f"Do {number}", "done") for number in range(4)]
    _, model = await remembered(MemoryStrategy.TRAVERSE, "a task", executed, Room(), "")
    (one, other) = [call.messages for call in model.calls][-2:]
    assert one[0] == other[0]
    assert one[1].content.split("Step #")[0] == other[1].content.split("Step #")[0]
    assert "Do 3" in one[1].content.split("Step #")[0]
