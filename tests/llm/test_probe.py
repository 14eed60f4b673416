"""What a probe finds out about real HTTP endpoints, and about the embedded model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from autoflow.llm.probe import CHAT, Finding, Verdict
from autoflow.testing.endpoint import EndpointScript, Refusal, ScriptedEndpoint
from autoflow.testing.endpoint_answers import chat_answer
from tests.llm.endpoints import EVERYTHING, able, deaf, found, write_catalogue

CAPABILITIES = [
    "max_n",
    "seed",
    "stop",
    "log_probs",
    "token_ids",
    "json_schema",
    "tools",
    "grammar",
    "choice",
]


async def probed(
    tmp_path: Path, script: EndpointScript, capabilities: Mapping[str, object] = EVERYTHING
) -> dict[str, Finding]:
    async with ScriptedEndpoint.serving(script) as endpoint:
        path = write_catalogue(tmp_path / "models.yaml", endpoint.base_url, capabilities=capabilities)
        return await found({"AUTOFLOW_MODELS": str(path)}, "mine")


def verdicts(findings: Mapping[str, Finding]) -> dict[str, Verdict]:
    return {name: finding.verdict for name, finding in findings.items()}


async def test_an_endpoint_that_can_everything_holds(tmp_path: Path) -> None:
    findings = await probed(tmp_path, able)
    assert verdicts(findings) == dict.fromkeys([CHAT, *CAPABILITIES], Verdict.WORKS), findings
    assert all(finding.stated and finding.holds for finding in findings.values())


async def test_what_an_endpoint_drops_in_silence_is_found(tmp_path: Path) -> None:
    findings = await probed(tmp_path, deaf)
    assert verdicts(findings) == {
        **dict.fromkeys(CAPABILITIES, Verdict.IGNORED),
        CHAT: Verdict.WORKS,
        # It says the same whatever the seed.
        "seed": Verdict.UNCLEAR,
        # A choice that is none of the options is an error of the provider's.
        "choice": Verdict.FAILED,
    }
    assert findings["max_n"].detail == "2 completions took 2 calls"
    assert "it answered 'one two three" in findings["json_schema"].detail
    assert [name for name, finding in findings.items() if finding.holds] == [CHAT, "seed"]


async def test_what_works_and_is_not_stated_is_told(tmp_path: Path) -> None:
    findings = await probed(tmp_path, able, {"seed": True})
    understated = [name for name, finding in findings.items() if finding.understated]
    assert understated == [name for name in CAPABILITIES if name != "seed"]
    assert all(finding.holds for finding in findings.values())


async def test_what_is_not_stated_and_not_there_is_no_fault(tmp_path: Path) -> None:
    findings = await probed(tmp_path, deaf, {})
    assert all(finding.holds and not finding.stated for name, finding in findings.items() if name != CHAT)


async def test_what_an_endpoint_refuses_is_told_apart_from_what_it_ignores(tmp_path: Path) -> None:
    def picky(body: Mapping[str, Any]) -> Mapping[str, Any] | Refusal:
        if "structured_outputs" in body:
            return Refusal(400, {"message": "unknown field", "code": "unknown_parameter"})
        return able(body)

    findings = await probed(tmp_path, picky)
    assert findings["grammar"].verdict is Verdict.REFUSED
    assert not findings["grammar"].holds
    assert "400" in findings["grammar"].detail
    assert findings["json_schema"].verdict is Verdict.WORKS


async def test_a_refusal_of_one_thing_that_is_not_stated_hides_no_other(tmp_path: Path) -> None:
    def strict(body: Mapping[str, Any]) -> Mapping[str, Any] | Refusal:
        return Refusal(400, {"message": "no"}) if "return_token_ids" in body else able(body)

    findings = await probed(tmp_path, strict, {})
    assert findings["token_ids"].verdict is Verdict.REFUSED
    assert findings["tools"].verdict is Verdict.WORKS


async def test_seeds_that_do_nothing_are_found(tmp_path: Path) -> None:
    draws = 0

    def unseeded(body: Mapping[str, Any]) -> Mapping[str, Any]:
        nonlocal draws
        draws += 1
        return chat_answer(body, f"word-{draws}")

    findings = await probed(tmp_path, unseeded)
    assert findings["seed"].verdict is Verdict.IGNORED


async def test_an_answer_that_the_limit_cut_off_lets_nobody_tell(tmp_path: Path) -> None:
    def thinks(body: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = chat_answer(body, "")
        for choice in answer["choices"]:
            choice["finish_reason"] = "length"
        return answer

    findings = await probed(tmp_path, thinks)
    assert findings[CHAT].verdict is Verdict.UNCLEAR
    assert findings["json_schema"].verdict is Verdict.UNCLEAR
    assert findings["json_schema"].detail == "64 tokens were not enough for an answer"


async def test_json_that_the_limit_cut_off_lets_nobody_tell(tmp_path: Path) -> None:
    def blank(body: Mapping[str, Any]) -> Mapping[str, Any]:
        if "response_format" not in body:
            return able(body)
        answer = chat_answer(body, "{ \n\n\n")
        for choice in answer["choices"]:
            choice["finish_reason"] = "length"
        return answer

    finding = (await probed(tmp_path, blank))["json_schema"]
    assert (finding.verdict, finding.detail) == (Verdict.UNCLEAR, "64 tokens were not enough for its JSON")


@pytest.mark.parametrize(("status", "verdict"), [(401, Verdict.REFUSED), (500, Verdict.FAILED)])
async def test_without_chat_nothing_else_is_tried(tmp_path: Path, status: int, verdict: Verdict) -> None:
    calls = 0

    def shut(body: Mapping[str, Any]) -> Refusal:
        nonlocal calls
        calls += 1
        return Refusal(status)

    findings = await probed(tmp_path, shut)
    assert verdicts(findings) == {CHAT: verdict, **dict.fromkeys(CAPABILITIES, Verdict.NOT_TRIED)}
    assert not findings[CHAT].holds
    assert calls == 1


async def test_the_embedded_model_can_what_is_stated() -> None:
    findings = await found({}, "embedded")
    assert all(finding.holds for finding in findings.values()), findings
    tried = {name for name, finding in findings.items() if finding.verdict is not Verdict.NOT_TRIED}
    assert tried == {CHAT, "seed", "log_probs", "token_ids", "grammar", "choice"}
