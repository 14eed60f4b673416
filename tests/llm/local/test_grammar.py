from __future__ import annotations

from typing import Any

import pytest
import torch
import xgrammar

from autoflow.language import decoding_grammar
from autoflow.llm.local import Grammars
from autoflow.llm.local.grammar import unpack

YES_OR_NO = 'root ::= ("yes" | "no") "."'


@pytest.fixture(scope="module")
def grammars(llama: Any) -> Grammars:
    return Grammars(llama.tokenizer)


def test_masks_allow_what_the_grammar_allows(grammars: Grammars, llama: Any) -> None:
    tokenizer = llama.tokenizer
    (end,) = tokenizer.stop_ids
    ids = [*tokenizer.ids("n"), *tokenizer.ids("o"), *tokenizer.ids("."), end]
    masks = grammars.compile(YES_OR_NO).token_masks(ids)
    assert masks.dtype == torch.bool
    assert masks.shape == (4, tokenizer.vocabulary)
    allowed = [
        {tokenizer.tokenizer.decode([token]) for token in row.nonzero()[:, 0].tolist()} for row in masks
    ]
    assert {"n", "y"} <= allowed[0] <= {"n", "no", "no.", "y", "ye", "yes", "yes."}
    assert "o" in allowed[1]
    assert allowed[2] == {"."}
    assert masks[3].nonzero()[:, 0].tolist() == [end]


def test_ids_against_the_grammar_are_refused(grammars: Grammars, llama: Any) -> None:
    grammar = grammars.compile(YES_OR_NO)
    with pytest.raises(ValueError, match="position 0"):
        grammar.token_masks(llama.tokenizer.ids("x"))
    (end,) = llama.tokenizer.stop_ids
    with pytest.raises(ValueError, match="ended before id"):
        grammar.token_masks([*llama.tokenizer.ids("no."), end, end])


def test_no_ids_have_no_masks(grammars: Grammars, llama: Any) -> None:
    assert grammars.compile(YES_OR_NO).token_masks([]).shape == (0, llama.tokenizer.vocabulary)


def test_what_is_no_grammar_is_refused(grammars: Grammars) -> None:
    with pytest.raises(ValueError, match="does not compile"):
        grammars.compile("root ::= (")


@pytest.mark.parametrize("vocabulary", [1, 31, 32, 33, 320])
def test_unpacking_is_the_opposite_of_packing(vocabulary: int) -> None:
    masks = torch.rand(5, vocabulary, generator=torch.Generator().manual_seed(0)) < 0.5
    bits = xgrammar.allocate_token_bitmask(5, vocabulary)
    assert torch.equal(unpack(bits, vocabulary), torch.ones(5, vocabulary, dtype=torch.bool))
    weights = 2 ** torch.arange(32, dtype=torch.int64)
    padded = torch.nn.functional.pad(masks, (0, bits.shape[1] * 32 - vocabulary))
    packed = (padded.view(5, -1, 32).long() * weights).sum(-1)
    assert torch.equal(unpack(packed.to(torch.int32), vocabulary), masks)


def test_the_language_of_workflows_compiles(grammars: Grammars, llama: Any) -> None:
    text = "Step 1:::process:::Identify the input:::next::Step 2\nStep 2:::terminal:::Output the plan"
    grammar = grammars.compile(decoding_grammar(6, 80))
    assert len(grammar.token_masks(llama.tokenizer.ids(text))) == len(llama.tokenizer.ids(text))
