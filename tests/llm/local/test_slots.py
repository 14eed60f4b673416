from __future__ import annotations

import random

from autoflow.llm.local.slots import Place, SlotTable

CONTEXT = 64


def filled(table: SlotTable, ids: list[int], weights: str | None = None) -> Place:
    """Places a sequence and computes all of it."""
    place = table.place(ids, len(ids) - 1, weights)
    assert place is not None
    table.advance(place.slot, ids[place.reused :])
    return place


def test_a_chat_that_goes_on_keeps_its_slot() -> None:
    table = SlotTable(4, CONTEXT)
    first = filled(table, list(range(20)))
    table.advance(first.slot, [30, 31])
    table.release(first.slot)
    place = table.place([*range(20), 30, 31, 50, 51], 23, None)
    assert place == Place(first.slot, 22, first.slot)


def test_an_answer_that_reads_differently_is_computed_again() -> None:
    table = SlotTable(4, CONTEXT)
    first = filled(table, list(range(20)))
    table.advance(first.slot, [30, 31])
    table.release(first.slot)
    place = table.place([*range(20), 30, 99, 50, 51], 23, None)
    assert place == Place(first.slot, 21, first.slot)


def test_a_common_beginning_is_copied_from_a_sequence_under_way() -> None:
    table = SlotTable(4, CONTEXT)
    first = filled(table, list(range(20)))
    place = table.place([*range(12), 99, 98], 13, None)
    assert place is not None
    assert (place.reused, place.source) == (12, first.slot)
    assert place.slot != first.slot


def test_a_common_beginning_of_a_finished_sequence_leaves_it_whole() -> None:
    table = SlotTable(4, CONTEXT)
    first = filled(table, list(range(20)))
    table.release(first.slot)
    branch = filled(table, [*range(12), 99, 98])
    assert branch.slot != first.slot
    again = table.place([*range(20), 5, 6], 21, None)
    assert again == Place(first.slot, 20, first.slot)


def test_the_same_prompt_waits_for_the_one_that_computes_it() -> None:
    table = SlotTable(4, CONTEXT)
    prompt = list(range(30))
    first = table.place(prompt, 29, None)
    assert first is not None
    assert table.place(prompt, 29, None) is None
    table.advance(first.slot, prompt)
    second = table.place(prompt, 29, None)
    assert second is not None
    assert (second.reused, second.source) == (29, first.slot)


def test_a_short_common_beginning_is_not_worth_waiting_for() -> None:
    table = SlotTable(4, CONTEXT)
    assert table.place([1, 2, 3, 4, 5, 6, 7], 6, None) is not None
    place = table.place([1, 2, 3, 4, 5, 8, 9], 6, None)
    assert place is not None
    assert place.reused == 0


def test_full_tables_wait_and_the_least_recently_used_goes_first() -> None:
    table = SlotTable(2, CONTEXT)
    old, new = filled(table, [1] * 10), filled(table, [2] * 10)
    assert table.place([3] * 10, 9, None) is None
    table.release(new.slot)
    table.release(old.slot)
    place = table.place([3] * 10, 9, None)
    assert place is not None
    assert place.slot == new.slot


def test_the_last_free_slot_keeps_the_beginning_that_is_wanted() -> None:
    table = SlotTable(1, CONTEXT)
    first = filled(table, list(range(20)))
    table.release(first.slot)
    assert table.place([*range(12), 99, 98], 13, None) == Place(first.slot, 12, first.slot)


def test_other_weights_share_nothing() -> None:
    table = SlotTable(4, CONTEXT)
    filled(table, list(range(30)), "a")
    for weights in ("b", None):
        place = table.place(list(range(30)), 29, weights)
        assert place is not None
        assert place.reused == 0


def test_discarding_frees_slots_and_forgets_them() -> None:
    table = SlotTable(2, CONTEXT)
    first, second = filled(table, list(range(20))), filled(table, list(range(40, 60)))
    table.discard(second.slot)
    assert filled(table, list(range(40, 60))) == Place(second.slot, 0, second.slot)
    table.release(first.slot)
    assert table.place([*range(20), 5, 6], 21, None) == Place(first.slot, 20, first.slot)


def test_what_is_reused_is_always_what_was_computed() -> None:
    """A cache of ids beside the table, moved as the table says, always holds the beginnings it promises."""
    rng = random.Random(0)
    table = SlotTable(5, CONTEXT)
    cache: list[list[int]] = [[] for _ in range(5)]
    under_way: dict[int, tuple[list[int], int]] = {}
    reused = 0
    for _ in range(5000):
        if under_way and rng.random() < 0.5:
            slot = rng.choice(list(under_way))
            ids, computed = under_way[slot]
            step = min(rng.randint(1, 20), len(ids) - computed)
            table.advance(slot, ids[computed : computed + step])
            cache[slot] = cache[slot][:computed] + ids[computed : computed + step]
            under_way[slot] = (ids, computed + step)
            if computed + step == len(ids) or rng.random() < 0.05:
                table.release(slot)
                del under_way[slot]
            continue
        ids = [0] * rng.randint(0, 30) + [rng.randint(0, 2) for _ in range(rng.randint(1, 30))]
        place = table.place(ids, len(ids) - 1, None)
        if place is None:
            assert under_way
            continue
        assert place.slot not in under_way
        cache[place.slot] = cache[place.source][: place.reused]
        assert cache[place.slot] == ids[: place.reused]
        under_way[place.slot] = (ids, place.reused)
        reused += place.reused
    assert reused > 1000
