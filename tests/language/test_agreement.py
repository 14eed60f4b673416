"""Both notations of the grammar say the same, and what its documentation says.

`python -m benchmarks.grammars` puts ten thousand texts to the same readers.
"""

from __future__ import annotations

import pytest

from tests.language.agreement import BOUNDS, OUTSIDE, RARE, Sample, samples, verdicts

_SMALL = BOUNDS[2]
_SOUND = "Step 1:::decision:::Look:::Yes::Step 2::No::Step 1\nStep 2:::terminal:::Tell\n"


def test_three_readers_agree() -> None:
    accepted: set[tuple[str, bool]] = set()
    for sample in samples(150, seed=1):
        said = verdicts(sample)
        assert said.agree, (sample, said)
        accepted.add((sample.kind, said.ebnf))
    assert accepted == {
        ("sound", True),
        ("near_miss", True),
        ("near_miss", False),
        ("pieces", False),
        ("noise", False),
    }


@pytest.mark.parametrize(
    ("text", "generated"),
    [
        (_SOUND, True),
        ("", False),
        (_SOUND.removesuffix("\n"), False),
        (_SOUND.replace("Step 1\n", "Step 3\n"), False),
        (_SOUND.replace("Look", "0Look"), False),
        (_SOUND.replace("Look", "Look "), False),
        *((_SOUND.replace("Look", f"Lo{char}ok"), False) for char in OUTSIDE),
        *((_SOUND.replace("Look", f"Lo{char}ok"), True) for char in RARE),
        # Sound, but not of the narrow shape.
        (_SOUND.replace("Yes", "Aye"), False),
        (_SOUND.replace("Step 1", "Start"), False),
    ],
)
def test_each_reader_tells_them_apart(text: str, generated: bool) -> None:
    said = verdicts(Sample("given", _SMALL, text))
    assert (said.ebnf, said.lark, said.own) == (generated,) * 3
