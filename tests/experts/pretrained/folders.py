"""Small models with random weights, as folders that transformers reads: one for each tool.

Weights are drawn large, so that what a layer does shows in the result.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoConfig

from tests.experts.pretrained.vocabularies import byte_pairs, save_byte_pairs, save_words, words

_ENCODER: dict[str, Any] = {
    "dim": 32,
    "hidden_dim": 48,
    "n_layers": 2,
    "n_heads": 4,
    "max_position_embeddings": 64,
}
_VIT: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
_COLOURS: dict[str, Any] = {
    "id2label": {0: "meadow", 1: "sea", 2: "city"},
    "label2id": {"meadow": 0, "sea": 1, "city": 2},
}
_MARKS: dict[str, Any] = {
    "bos_token_id": 0,
    "pad_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 2,
}


def write_sentiment(folder: Path) -> None:
    """A DistilBERT that tells one of two classes."""
    labels: dict[str, Any] = {
        "id2label": {0: "NEGATIVE", 1: "POSITIVE"},
        "label2id": {"NEGATIVE": 0, "POSITIVE": 1},
    }
    config = transformers.DistilBertConfig(vocab_size=len(words()), **_ENCODER, **labels)
    model: Any = transformers.DistilBertForSequenceClassification(config)
    # So that either class is told of some texts.
    _save(folder, model, shift=(model.classifier.bias, 11.0))
    save_words(folder)


def write_gaps(folder: Path) -> None:
    """A DistilBERT that fills gaps."""
    config = transformers.DistilBertConfig(vocab_size=len(words()), **_ENCODER)
    _save(folder, transformers.DistilBertForMaskedLM(config))
    save_words(folder)


def write_classes(folder: Path) -> None:
    """A ViT that tells one of three classes of pictures of 32 by 32."""
    config = transformers.ViTConfig(image_size=32, patch_size=8, **_VIT, **_COLOURS)
    _save(folder, transformers.ViTForImageClassification(config))
    _save_processor(folder, "ViTImageProcessor", size={"height": 32, "width": 32})


def write_answers(folder: Path) -> None:
    """A DistilBERT that finds answers."""
    config = transformers.DistilBertConfig(vocab_size=len(words()), **_ENCODER)
    _save(folder, transformers.DistilBertForQuestionAnswering(config))
    save_words(folder)


def write_captions(folder: Path) -> None:
    """A ViT with a GPT-2 that writes at most 12 tokens, by two beams."""
    size = len(byte_pairs().get_vocab())
    decoder = transformers.GPT2Config(
        vocab_size=size, n_positions=64, n_embd=32, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0
    )
    config = transformers.VisionEncoderDecoderConfig.from_encoder_decoder_configs(
        transformers.ViTConfig(image_size=32, patch_size=8, **_VIT), decoder
    )
    model: Any = transformers.VisionEncoderDecoderModel(config)
    model.generation_config = transformers.GenerationConfig(
        decoder_start_token_id=0, eos_token_id=0, pad_token_id=0, max_length=12, num_beams=2
    )
    _save(folder, model)
    save_byte_pairs(folder)
    _save_processor(folder, "ViTImageProcessor", size={"height": 32, "width": 32})


def write_objects(folder: Path) -> None:
    """A DETR on a ResNet of transformers, for pictures whose shorter side is made 32."""
    backbone = AutoConfig.for_model(
        "resnet", embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], out_features=["stage2"]
    )
    config: Any = AutoConfig.for_model(
        "detr",
        backbone_config=backbone,
        use_timm_backbone=False,
        d_model=32,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=48,
        decoder_ffn_dim=48,
        num_queries=6,
        **_COLOURS,
    )
    model: Any = transformers.DetrForObjectDetection(config)
    # So that not everything is nothing.
    _save(folder, model, scale=1.0, shift=(model.class_labels_classifier.bias, -2.0))
    _save_processor(folder, "DetrImageProcessor", size={"shortest_edge": 32, "longest_edge": 64})


def write_real_time_objects(folder: Path) -> None:
    """An RT-DETR, for pictures of 64 by 64."""
    sizes = [16, 16, 16]
    backbone = AutoConfig.for_model(
        "rt_detr_resnet",
        embedding_size=8,
        hidden_sizes=[8, *sizes],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    config: Any = AutoConfig.for_model(
        "rt_detr",
        backbone_config=backbone,
        encoder_in_channels=sizes,
        decoder_in_channels=sizes,
        encoder_hidden_dim=16,
        d_model=16,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        decoder_layers=1,
        num_queries=6,
        num_denoising=0,
        **_COLOURS,
    )
    _save(folder, transformers.RTDetrForObjectDetection(config))
    _save_processor(folder, "RTDetrImageProcessor", size={"height": 64, "width": 64}, do_normalize=False)


def write_vocabulary(folder: Path) -> None:
    """The model of `write_sentiment`, with a vocabulary in place of a tokenizer."""
    write_sentiment(folder)
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": true, "model_max_length": 64}')
    (folder / "vocab.txt").write_text("\n".join(words()))


def write_seen_answers(folder: Path) -> None:
    """A ViLT that knows three answers, for pictures whose shorter side is made 32."""
    config = transformers.ViltConfig(
        vocab_size=len(words()), image_size=32, patch_size=8, max_position_embeddings=20, **_VIT, **_COLOURS
    )
    _save(folder, transformers.ViltForQuestionAnswering(config))
    save_words(folder, names=["input_ids", "token_type_ids", "attention_mask"], longest=20)
    _save_processor(folder, "ViltImageProcessor", size={"shortest_edge": 32}, size_divisor=8, do_pad=True)


def write_enlarged(folder: Path) -> None:
    """A Swin2SR that doubles width and height, as `caidas/swin2SR-classical-sr-x2-64`."""
    _write_restoration(folder, upscale=2, upsampler="pixelshuffle")


def write_mended(folder: Path) -> None:
    """A Swin2SR that keeps the size, without an upsampler."""
    _write_restoration(folder, upscale=1, upsampler="")


def write_sharpened(folder: Path) -> None:
    """A Swin2SR that keeps the size, with an upsampler of factor 1."""
    _write_restoration(folder, upscale=1, upsampler="pixelshuffle")


def write_summaries(folder: Path) -> None:
    """A BART that writes at most 16 tokens, by two beams."""
    config = transformers.BartConfig(
        vocab_size=len(byte_pairs().get_vocab()),
        d_model=32,
        max_position_embeddings=64,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=48,
        decoder_ffn_dim=48,
        **_MARKS,
    )
    model: Any = transformers.BartForConditionalGeneration(config)
    model.generation_config = transformers.GenerationConfig(
        max_length=16, min_length=4, num_beams=2, no_repeat_ngram_size=3, forced_eos_token_id=2, **_MARKS
    )
    _save(folder, model)
    save_byte_pairs(folder)


def write_translations(folder: Path) -> None:
    """A T5 that writes at most 12 tokens."""
    config = transformers.T5Config(
        vocab_size=len(byte_pairs().get_vocab()),
        d_model=32,
        d_kv=8,
        d_ff=48,
        num_layers=1,
        num_heads=4,
        **_MARKS,
    )
    model: Any = transformers.T5ForConditionalGeneration(config)
    model.generation_config = transformers.GenerationConfig(max_length=12, **_MARKS)
    _save(folder, model)
    save_byte_pairs(folder)


FOLDERS: Mapping[str, Callable[[Path], None]] = {
    "Fill Mask": write_gaps,
    "Image Captioning": write_captions,
    "Image Classification": write_classes,
    "Image Deblurring": write_sharpened,
    "Image Denoising": write_mended,
    "Image Super Resolution": write_enlarged,
    "Machine Translation": write_translations,
    "Object Detection": write_objects,
    "Question Answering": write_answers,
    "Sentiment Analysis": write_sentiment,
    "Text Summarization": write_summaries,
    "Visual Question Answering": write_seen_answers,
}
"""By tool, what writes a model of it."""


def _write_restoration(folder: Path, **settings: Any) -> None:
    config = transformers.Swin2SRConfig(
        image_size=16, embed_dim=16, depths=[1, 1], num_heads=[2, 2], window_size=8, **settings
    )
    _save(folder, transformers.Swin2SRForImageSuperResolution(config), scale=0.1)
    _save_processor(folder, "Swin2SRImageProcessor", do_rescale=True, rescale_factor=1 / 255, do_pad=True)


def _save(
    folder: Path, model: Any, scale: float = 0.4, shift: tuple[torch.nn.Parameter, float] | None = None
) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for name, parameter in model.named_parameters():
            mean = float(parameter.ndim == 1 and name.endswith("weight"))
            # Large biases would give every input the same output.
            spread = 1.0 if "embeddings" in name else scale if parameter.ndim > 1 else scale / 10
            torch.nn.init.normal_(parameter, mean, spread)
    if shift:
        bias, by = shift
        bias.data[-1] += by
    model.save_pretrained(folder)


def _save_processor(folder: Path, kind: str, **settings: Any) -> None:
    settings = {"image_processor_type": kind, **settings}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings), encoding="utf-8")
