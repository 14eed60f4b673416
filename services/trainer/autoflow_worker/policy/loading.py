"""Reads a policy from a folder of the machine."""

from __future__ import annotations

from pathlib import Path

import torch

from autoflow.llm.local.chat import ChatTokenizer
from autoflow.llm.local.grammar import Grammars
from autoflow_worker.policy.model import GrammarMasks, LoraPolicy, load_base
from autoflow_worker.seeds import Purpose, derive
from autoflow_worker.spec import RunSpec


def masks_of(folder: Path) -> GrammarMasks:
    """How a model folder's tokenizer sees grammars: exactly as the local provider does when it samples."""
    grammars = Grammars(ChatTokenizer.load(folder))
    return lambda grammar: grammars.compile(grammar).token_masks


def load(folder: Path, spec: RunSpec, *, device: str = "auto", threads: int = 1) -> LoraPolicy:
    """Reads a base model and gives it the run's fresh adapter.

    Args:
        folder: the base model as transformers saves it, with its tokenizer.
        spec: the run.
        device: as `load_base` takes it.
        threads: of one operation on the CPU; holds for the whole process.

    Raises:
        OSError: the folder holds no model.
    """
    torch.set_num_threads(threads)
    return LoraPolicy(
        load_base(folder, device),
        name=spec.generator,
        settings=spec.training.lora,
        temperature=spec.training.temperature,
        grammars=masks_of(folder),
        seed=derive(spec.seed, Purpose.ADAPTER),
    )
