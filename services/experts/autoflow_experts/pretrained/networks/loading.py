"""Loads models of transformers from a folder, or from a hub into one.

Weights are read from safetensors files only, never unpickled; no code of a model's own is run, and no third
party is asked to convert weights. Whether a hub may be asked at all is the environment's affair
(`HF_HUB_OFFLINE`): what was fetched before is found without one. Does not protect against weights that are
not what their name says: pin a revision or a folder.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.utils.tqdm import disable_progress_bars
from transformers import AutoConfig, AutoImageProcessor, AutoTokenizer, PreTrainedModel

from autoflow.weights import loading

_FILES = ["*.json", "*.safetensors", "*.txt", "*.model"]
"""Configurations, weights, vocabularies."""


def folder_of(source: str, revision: str | None) -> Path:
    """The folder that holds a model; fetched where it is on a hub and not here.

    Args:
        source: a folder, or a model's id on a hub.
        revision: of a model on a hub; None for the main branch.

    Raises:
        OSError: there is no such model, or the hub cannot be reached.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        return path
    if path.is_absolute():
        raise FileNotFoundError(f"there is no folder {path}")
    # A service's log is no place for progress bars.
    disable_progress_bars()
    # What is in the folders of a repository is the same model for other libraries.
    fetched = snapshot_download(source, revision=revision, allow_patterns=_FILES, ignore_patterns=["*/*"])
    return Path(fetched)


@dataclass(frozen=True, slots=True)
class Architecture:
    """Which models do a task."""

    auto: Any
    """The class of transformers that knows them."""
    types: tuple[str, ...] = ()
    """Those of them that are done here; all where none is named."""
    unused: tuple[str, ...] = ()
    """How the names of weights begin that a model may lack, since the task does without them."""


def load_model(architecture: Architecture, folder: Path, dtype: torch.dtype) -> PreTrainedModel:
    """Reads a model with its weights, on CPU.

    Args:
        architecture: what it must be.
        folder: where it is.
        dtype: what its numbers become.

    Raises:
        OSError: there are no weights in safetensors.
        ValueError: it is a model of another kind, or one that was not trained for the task.
    """
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    if architecture.types and config.model_type not in architecture.types:
        wanted = " or ".join(architecture.types)
        raise ValueError(f"{folder} is of the type {config.model_type}, not {wanted}")
    with loading():
        model, info = architecture.auto.from_pretrained(
            folder,
            config=config,
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
        )
    parameters = {name for name, _ in model.named_parameters()}
    lacking = sorted(parameters & set(info["missing_keys"]))
    if lacking := [name for name in lacking if not name.startswith(architecture.unused)]:
        # transformers would make them up.
        raise ValueError(f"{folder} has no weights for {lacking[0]}: it was not trained for this task")
    loaded: PreTrainedModel = model
    loaded.train(False)
    return loaded


def load_tokenizer(folder: Path) -> Any:
    """Reads a model's tokenizer.

    Raises:
        OSError: it cannot be read.
        ValueError: there is none, or it has no form without Python code, or nothing to fill short texts up
            with.
    """
    tokenizer: Any = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    if not tokenizer.is_fast:
        raise ValueError(f"the tokenizer of {folder} has no tokenizer.json")
    if len(tokenizer) <= len(tokenizer.all_special_tokens):
        # transformers makes one up that knows no words.
        raise ValueError(f"there is no tokenizer in {folder}")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if tokenizer.pad_token is None:
        raise ValueError(f"the tokenizer of {folder} has no token for padding")
    return tokenizer


def load_processor(folder: Path) -> Any:
    """Reads what a model wants its pictures to be; what does it needs Pillow alone.

    Raises:
        OSError: there is no preprocessor_config.json.
    """
    return AutoImageProcessor.from_pretrained(
        folder, backend="pil", trust_remote_code=False, local_files_only=True
    )


def input_names(model: PreTrainedModel, tokenizer: Any) -> list[str]:
    """Which of a tokenizer's tensors a model takes: some tokenizers tell more."""
    taken = inspect.signature(model.forward).parameters
    return [name for name in tokenizer.model_input_names if name in taken]


def positions(model: PreTrainedModel, tokenizer: Any) -> int:
    """The longest text that a model takes, in tokens."""
    config: Any = model.config
    known = getattr(config, "max_position_embeddings", None) or _LONGEST
    if config.model_type in _SHIFTED:
        known -= config.pad_token_id + 1
    return int(min(known, tokenizer.model_max_length, _LONGEST))


_LONGEST = 4096
"""Tokens of a text for models that know no limit."""
_SHIFTED = ("camembert", "mpnet", "roberta", "xlm-roberta")
"""Models that count positions from behind the number of the padding token."""
