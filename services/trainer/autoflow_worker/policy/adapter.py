"""The LoRA adapter and its optimiser: making them, keeping them in folders, and taking them back, bit by bit.

The adapter's folder is peft's format (`adapter_config.json`, `adapter_model.safetensors`), so that any server
that knows peft's adapters can serve it. peft's own `save_pretrained` is passed over because it also writes a
model card and the base model's path on this machine: equal adapters would have unequal digests.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import cast

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import PreTrainedModel

from autoflow_worker.methods import LoraSettings

_WEIGHTS = "adapter_model.safetensors"
_OPTIMIZER = "optimizer.safetensors"


def add_adapter(base: PreTrainedModel, settings: LoraSettings, *, name: str, seed: int) -> PeftModel:
    """Puts a fresh adapter on all linear layers but the head; it changes nothing yet (B = 0).

    Args:
        base: the model; it is changed in place and frozen.
        settings: rank and scale.
        name: of the base model in the catalogue, for the adapter's description.
        seed: of the adapter's A matrices.
    """
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=cast(int, settings.alpha),
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    # peft notes the folder that the model came from; the catalogue's name is the same on every machine.
    base.name_or_path = name
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = get_peft_model(base, config)
    return cast(PeftModel, model)


def make_optimizer(model: PeftModel, settings: LoraSettings) -> torch.optim.AdamW:
    """AdamW over the adapter alone."""
    return torch.optim.AdamW(list(trainable(model).values()), lr=settings.learning_rate, weight_decay=0.0)


def trainable(model: PeftModel) -> dict[str, torch.nn.Parameter]:
    """The adapter's parameters by name, in the model's order."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def save_adapter(model: PeftModel, folder: Path) -> None:
    """Writes the adapter in peft's format."""
    folder.mkdir(parents=True, exist_ok=True)
    config = copy.copy(model.peft_config["default"])
    config.inference_mode = True
    config.save_pretrained(str(folder))
    save_file(_weights(model), folder / _WEIGHTS, metadata={"format": "pt"})


def load_adapter(model: PeftModel, folder: Path) -> None:
    """Takes back what `save_adapter` wrote.

    Raises:
        ValueError: the folder's adapter does not fit the model's.
    """
    weights = load_file(folder / _WEIGHTS)
    expected = {name: value.shape for name, value in _weights(model).items()}
    if expected != {name: value.shape for name, value in weights.items()}:
        raise ValueError("the adapter does not fit the model, or has another rank")
    set_peft_model_state_dict(model, weights)


def save_optimizer(model: PeftModel, optimizer: torch.optim.AdamW, folder: Path) -> None:
    """Writes the optimiser's moments and step counts."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {
        f"{name}/{key}": _plain(value)
        for name, parameter in trainable(model).items()
        for key, value in optimizer.state.get(parameter, {}).items()
    }
    save_file(state, folder / _OPTIMIZER)


def load_optimizer(model: PeftModel, optimizer: torch.optim.AdamW, folder: Path) -> None:
    """Takes back what `save_optimizer` wrote."""
    parameters = trainable(model)
    optimizer.state.clear()
    for path, value in load_file(folder / _OPTIMIZER).items():
        name, key = path.rsplit("/", 1)
        parameter = parameters[name]
        # AdamW keeps its step counts on the CPU wherever the moments are.
        optimizer.state[parameter][key] = value if key == "step" else value.to(parameter.device)


def _weights(model: PeftModel) -> dict[str, Tensor]:
    # Without `save_embedding_layers=False` peft would ask a hub whether the vocabulary had grown.
    state = get_peft_model_state_dict(model, save_embedding_layers=False)
    return {name: _plain(value) for name, value in state.items()}


def _plain(value: Tensor) -> Tensor:
    return value.detach().cpu().contiguous()
