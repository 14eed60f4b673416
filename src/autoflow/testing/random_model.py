"""Small causal language models and adapters with random weights, as folders that transformers and peft read.

They talk nonsense, but it is the nonsense of a real architecture, tokenizer and chat template. Their
weights are drawn large, so that likeliest tokens stand out by far more than the rounding of float32. Needs
the extra `local`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, TaskType, get_peft_model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

USER, ASSISTANT, END, PAD = "<|user|>", "<|assistant|>", "<|end|>", "<|pad|>"

EMBEDDED_SHAPE: Mapping[str, int] = {
    "vocab_size": 1024,
    "hidden_size": 256,
    "intermediate_size": 640,
    "num_hidden_layers": 5,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 1024,
}
"""The shape of the embedded model: 4 million parameters."""

SMALL_SHAPE: Mapping[str, int] = {
    "vocab_size": 320,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
}
"""A shape for quick tests."""

_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}" + USER + "{{ message['content'] }}"
    "{% elif message['role'] == 'assistant' %}" + ASSISTANT + "{{ message['content'] }}" + END + "{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}" + ASSISTANT + "{% endif %}"
)
_TEXT = "Step 1:::process:::Identify the type of the input, then select models.:::next::Step 2"


def write_random_model(
    folder: Path,
    *,
    architecture: str = "llama",
    shape: Mapping[str, int] = SMALL_SHAPE,
    seed: int = 0,
    **config: Any,
) -> Path:
    """Writes a model folder: configuration, safetensors and a byte-level tokenizer with a chat template.

    Args:
        folder: where to; made if it is not there.
        architecture: a model type of transformers, such as `llama`, `mistral` or `qwen3`.
        shape: sizes, by the names of the configuration.
        seed: of the weights.
        config: what else the configuration says, such as `sliding_window`.

    Returns:
        The folder.
    """
    tokenizer = _tokenizer(shape["vocab_size"])
    settings = AutoConfig.for_model(
        architecture,
        **shape,
        **{"head_dim": shape["hidden_size"] // shape["num_attention_heads"], **config},
        initializer_range=0.15,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(settings)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_random_adapter(model: Path, folder: Path, *, seed: int = 0, **config: Any) -> Path:
    """Writes a LoRA adapter with large random weights, as peft saves it.

    Args:
        model: the folder of the model that it is for.
        folder: where to; made if it is not there.
        seed: of the weights.
        config: what differs from rank 4 on query, value and down projections, by the names of `LoraConfig`.

    Returns:
        The folder.
    """
    settings = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj", "down_proj"], **config}
    adapted = get_peft_model(
        AutoModelForCausalLM.from_pretrained(model, local_files_only=True),
        LoraConfig(task_type=TaskType.CAUSAL_LM, **settings),
    )
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in adapted.named_parameters():
        if "lora_" in name:
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.3
    adapted.save_pretrained(str(folder))
    return folder


def _tokenizer(vocabulary: int) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, END, USER, ASSISTANT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([_TEXT] * 2, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=[USER, ASSISTANT],
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = _TEMPLATE
    return fast
