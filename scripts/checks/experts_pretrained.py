"""A small model of random weights is a tool of the experts, over a real channel."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import DistilBertConfig, DistilBertForSequenceClassification, PreTrainedTokenizerFast

from autoflow.client import Client
from autoflow.server import serve
from autoflow.v1.task_pb2 import Content
from autoflow.v1.tool_service_pb2 import CallToolRequest, ToolSample
from autoflow_experts import build

_WORDS = {word: number for number, word in enumerate(("[PAD]", "[UNK]", "all", "is", "well"))}


def _write(folder: Path) -> None:
    tokenizer = Tokenizer(models.WordLevel(_WORDS, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", model_max_length=16
    ).save_pretrained(folder)
    labels = {0: "NEGATIVE", 1: "POSITIVE"}
    config = DistilBertConfig(
        vocab_size=len(_WORDS), dim=8, hidden_dim=8, n_heads=1, n_layers=1, id2label=labels
    )
    DistilBertForSequenceClassification(config).save_pretrained(folder)


async def _main(place: Path) -> None:
    _write(place / "model")
    file = place / "experts.yaml"
    file.write_text(
        f"experts: {{Sentiment Analysis: {{implementation: pretrained, model: {place / 'model'}}}}}"
    )
    request = CallToolRequest(
        tool="Sentiment Analysis", samples=[ToolSample(inputs=[Content(text="all is well")])]
    )
    service = build({"AUTOFLOW_EXPERTS_FILE": str(file)})
    async with await serve(service) as running, Client(experts=running.address) as client:
        answer = await client.experts.call_tool(request, timeout=60)
    assert answer.results[0].output.text in ("negative", "positive"), answer


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(_main(Path(name)))
