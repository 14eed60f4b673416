"""What a catalogue's file says, and what is said about one that is wrong."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from autoflow.llm import Capabilities, UnknownModel
from autoflow.llm.catalogue import default_catalogue
from autoflow.llm.catalogue_file import read_catalogue
from autoflow.llm.catalogue_schema import CatalogueFile, ModelCapabilities
from autoflow.llm.descriptions import ModelDescription, Prices
from autoflow.settings import SettingsError

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "models.yaml"
SECRET = "sk-live-0123456789"

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "models.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def a_model(**fields: object) -> str:
    """A file with one model."""
    model = {"provider": "openai", "model": "m", "endpoint": "http://127.0.0.1:1/v1", **fields}
    return yaml.safe_dump({"models": {"mine": model}})


def refusal(path: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        read_catalogue(path, {})
    assert caught.value.__cause__ is None
    return str(caught.value).removeprefix(str(path) + ": ")


def test_a_file_says_what_a_model_is_and_can(write: Write) -> None:
    path = write(
        a_model(
            key_variable="SOME_KEY",
            capabilities={"grammar": "vllm", "choice": True, "seed": True, "max_n": 4},
            prices={"prompt": 1, "completion": 2.5},
            context_tokens=4096,
        )
    )
    (entry,) = read_catalogue(path, {"SOME_KEY": SECRET})
    assert entry.description == ModelDescription(
        name="mine",
        provider="openai",
        capabilities=Capabilities(grammar=True, choice=True, seed=True, max_n=4),
        context_tokens=4096,
        prices=Prices(prompt=1, cached=1, completion=2.5),
    )


def test_what_is_not_stated_is_not_there(write: Write) -> None:
    (entry,) = read_catalogue(write(a_model()), {})
    assert entry.description == ModelDescription("mine", "openai", Capabilities())


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("", "its key is missing: SOME_KEY is not set"),
        # A file with a line feed at its end is how keys are often handed over.
        (f"{SECRET}\n", "its key cannot be sent: SOME_KEY holds what no HTTP header can"),
        (f"{SECRET}\N{EN DASH}1", "its key cannot be sent: SOME_KEY holds what no HTTP header can"),
    ],
)
async def test_a_model_without_a_key_to_send_is_listed_and_cannot_be_had(
    write: Write, key: str, reason: str
) -> None:
    env = {"AUTOFLOW_MODELS": str(write(a_model(key_variable="SOME_KEY"))), "SOME_KEY": key}
    catalogue = default_catalogue(env)
    assert catalogue.names == ("embedded", "mine")
    assert catalogue.descriptions[1].unavailable_reason.startswith(reason)
    assert SECRET not in catalogue.descriptions[1].unavailable_reason
    with pytest.raises(UnknownModel, match=f"'mine' cannot be called: {reason}"):
        await catalogue.get("mine")
    assert default_catalogue({**env, "SOME_KEY": "k"}).descriptions[1].unavailable_reason == ""


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"api_key": SECRET}, "models.mine.api_key: there is no such field; key_variable names"),
        ({"key_variable": SECRET}, "models.mine.key_variable: it is the name of a variable, and never"),
        ({"endpoint": f"https://me:{SECRET}@host/v1"}, "models.mine.endpoint: a URL here holds no user"),
        ({"endpoint": f"https://host/v1?key={SECRET}"}, "models.mine.endpoint: a URL here holds no user"),
        ({"endpoint": SECRET}, "models.mine.endpoint: it reads http://HOST/PATH"),
        ({"endpoint": f"http://[{SECRET}"}, "models.mine.endpoint: it reads http://HOST/PATH"),
        ({"endpoint": "http://host:99999/v1"}, "models.mine.endpoint: it reads http://HOST/PATH"),
        ({"provider": SECRET}, "models.mine.provider: Input should be 'openai'"),
        ({"capabilities": {"grammar": SECRET}}, "models.mine.capabilities.grammar: Input should be 'vllm'"),
        ({"capabilities": {"choice": True}}, "models.mine.capabilities: choice needs json_schema: true"),
        ({"capabilities": {"max_n": 0}}, "models.mine.capabilities.max_n: "),
        ({"capabilities": {"adapters": True}}, "models.mine.capabilities.adapters: there is no such field"),
        ({"prices": {"prompt": -1, "completion": 1}}, "models.mine.prices.prompt: "),
        ({"prices": {"prompt": 1}}, "models.mine.prices.completion: Field required"),
        ({"embeddings": {}}, "models.mine.embeddings.model: Field required"),
        ({"embeddings": {"model": "m", "price": -1}}, "models.mine.embeddings.price: "),
        (
            {"embeddings": {"model": "m", "endpoint": SECRET}},
            "models.mine.embeddings.endpoint: it reads http",
        ),
        ({"embeddings": {"model": "m", "key": SECRET}}, "models.mine.embeddings.key: there is no such field"),
        ({"limits": {"timeout": 0}}, "models.mine.limits.timeout: "),
        ({"limits": SECRET}, "models.mine.limits: "),
    ],
)
def test_what_is_wrong_is_named_and_not_quoted(write: Write, fields: dict[str, object], says: str) -> None:
    said = refusal(write(a_model(**fields)))
    assert said.startswith(says)
    assert SECRET not in said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Input should be "),
        ("models: []", "models: Input should be a valid dictionary"),
        ("models:\n  a: {provider: openai}\n  a: {}\n", "a key is there twice (line 3, column 3)"),
        (f"models: {{{SECRET}", "it is not YAML (line 1, column "),
        (f"models: !!python/object/apply:os.system ['{SECRET}']", "it is not YAML (line 1, column 9)"),
        (f"models: *{SECRET}", "it is not YAML (line 1, column 9)"),
        ("models: {' a b': {}}", "models. a b: String should match pattern"),
    ],
)
def test_a_file_that_is_none_is_refused(write: Write, text: str, says: str) -> None:
    said = refusal(write(text))
    assert said.startswith(says)
    assert SECRET not in said


def test_embedded_cannot_be_defined_anew(write: Write) -> None:
    assert "'embedded' comes with every installation" in refusal(write(a_model().replace("mine", "embedded")))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.yaml: No such file"):
        default_catalogue({"AUTOFLOW_MODELS": str(tmp_path / "nowhere.yaml")})
    with pytest.raises(SettingsError, match="Is a directory"):
        default_catalogue({"AUTOFLOW_MODELS": str(tmp_path)})


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_file_is_a_catalogue_or_a_settings_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(data)
    with pytest.raises(SettingsError):
        read_catalogue(path, {})


def test_the_example_is_a_catalogue() -> None:
    entries = read_catalogue(EXAMPLE, {"OPENAI_API_KEY": "k"})
    assert [entry.description.name for entry in entries] == [
        "gpt-5-mini",
        "qwen3-8b",
        "checkpoint",
        "llama3.2",
    ]
    assert not any(entry.description.unavailable_reason for entry in entries)


def test_a_file_may_state_all_that_an_endpoint_can() -> None:
    assert set(ModelCapabilities.model_fields) == set(Capabilities.__dataclass_fields__) - {"adapters"}
    assert CatalogueFile.model_validate({"models": {}}).models == {}


def test_without_a_file_nothing_is_imported_for_one() -> None:
    script = (
        "import sys; from autoflow.llm.catalogue import default_catalogue; default_catalogue({});"
        "print([name for name in ('openai', 'pydantic', 'torch', 'yaml') if name in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout.strip() == "[]"
