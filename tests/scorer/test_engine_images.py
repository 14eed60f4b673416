"""CLIP's and ViT's embeddings equal those that transformers computes from the same weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModel, AutoTokenizer

from autoflow_scorer.engine.clip import ClipEncoder
from autoflow_scorer.engine.vit import VitEncoder
from tests.scorer.devices import linears
from tests.scorer.random_encoders import sentences, write_clip, write_vit

EDGE_CASES = ["", " ", "a", "naïve 東京 🙂", "red " * 100, "<|end|>", "a <|end|> b", "<|startoftext|>"]


def images(count: int) -> Tensor:
    """Random pictures of the models' size, and a black and a white one."""
    noise = torch.randint(0, 256, (count, 3, 32, 32), generator=torch.Generator().manual_seed(count))
    plain = torch.stack((torch.zeros(3, 32, 32), torch.full((3, 32, 32), 255.0)))
    return torch.cat((noise, plain)).to(torch.uint8)


def normalized(pictures: Tensor, mean: list[float], std: list[float]) -> Tensor:
    """What a processor of transformers makes of pictures of the right size."""
    return (pictures.double() / 255 - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)


def unit(embeddings: Tensor) -> Tensor:
    """Embeddings of length 1."""
    return torch.nn.functional.normalize(embeddings, dim=-1)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module", params=[False, True])
def ended_clip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP that names its end token, and one of those that name a wrong one."""
    return write_clip(tmp_path_factory.mktemp("clip"), misnamed_end=request.param)


def test_texts_of_clip_equal_transformers(ended_clip: Path) -> None:
    texts = sentences(200, seed=0, longest=30) + EDGE_CASES
    encoder = ClipEncoder.load(ended_clip, linears())
    ours = encoder.encode_texts(encoder.tokenize(texts))
    model: Any = AutoModel.from_pretrained(ended_clip)
    tokenizer: Any = AutoTokenizer.from_pretrained(ended_clip)
    with torch.inference_mode():
        inputs = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        theirs = unit(model.get_text_features(**inputs).pooler_output)
    torch.testing.assert_close(ours.cpu(), theirs, atol=1e-5, rtol=0)


def test_images_of_clip_equal_transformers(clip: Path) -> None:
    pictures = images(21)
    ours = ClipEncoder.load(clip, linears()).encode_images(pictures)
    model: Any = AutoModel.from_pretrained(clip)
    pixels = normalized(pictures, [0.48, 0.46, 0.41], [0.27, 0.26, 0.28]).float()
    with torch.inference_mode():
        theirs = unit(model.get_image_features(pixel_values=pixels).pooler_output)
    torch.testing.assert_close(ours.cpu(), theirs, atol=1e-5, rtol=0)


@pytest.mark.parametrize("architecture", ["vit", "dinov2"])
def test_images_of_vit_equal_transformers(tmp_path: Path, architecture: str) -> None:
    folder, pictures = write_vit(tmp_path, architecture), images(21)
    ours = VitEncoder.load(folder, linears()).encode_images(pictures)
    model: Any = AutoModel.from_pretrained(folder)
    with torch.inference_mode():
        hidden = model(pixel_values=normalized(pictures, [0.5] * 3, [0.5] * 3).float()).last_hidden_state
    torch.testing.assert_close(ours.cpu(), unit(hidden[:, 0]), atol=1e-5, rtol=0)


def test_bfloat16_is_near(clip: Path, tmp_path: Path) -> None:
    pictures, texts = images(10), sentences(20, seed=1)
    for dtype, least in ((torch.float32, 0.99999), (torch.bfloat16, 0.99)):
        encoder, exact = ClipEncoder.load(clip, linears(dtype)), ClipEncoder.load(clip, linears())
        tokens = encoder.tokenize(texts)
        ours = torch.cat((encoder.encode_texts(tokens), encoder.encode_images(pictures)))
        theirs = torch.cat((exact.encode_texts(tokens), exact.encode_images(pictures)))
        assert ours.dtype == torch.float32
        assert (ours * theirs).sum(1).min() > least
    folder = write_vit(tmp_path)
    near = VitEncoder.load(folder, linears(torch.bfloat16)).encode_images(pictures)
    exact_images = VitEncoder.load(folder, linears()).encode_images(pictures)
    assert (near * exact_images).sum(1).min() > 0.99


def test_batches_do_not_change_embeddings(clip: Path) -> None:
    encoder = ClipEncoder.load(clip, linears())
    pictures, texts = images(9), sentences(12, seed=2)
    apart = torch.cat([encoder.encode_images(picture[None]) for picture in pictures])
    torch.testing.assert_close(encoder.encode_images(pictures), apart, atol=1e-6, rtol=0)
    tokens = encoder.tokenize(texts)
    apart = torch.cat([encoder.encode_texts([text]) for text in tokens])
    torch.testing.assert_close(encoder.encode_texts(tokens), apart, atol=1e-6, rtol=0)


def test_nothing_has_no_embeddings(clip: Path, tmp_path: Path) -> None:
    encoder, nothing = ClipEncoder.load(clip, linears()), torch.empty(0, 3, 32, 32, dtype=torch.uint8)
    assert encoder.encode_texts([]).shape == encoder.encode_images(nothing).shape == (0, 24)
    assert VitEncoder.load(write_vit(tmp_path), linears()).encode_images(nothing).shape == (0, 32)


@pytest.mark.parametrize("shape", [(1, 3, 32, 31), (1, 1, 32, 32), (3, 32, 32)])
def test_images_of_another_shape_are_refused(clip: Path, shape: tuple[int, ...]) -> None:
    encoder = ClipEncoder.load(clip, linears())
    with pytest.raises(ValueError, match="not uint8"):
        encoder.encode_images(torch.zeros(shape, dtype=torch.uint8))


def test_other_architectures_are_no_clip(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no CLIP"):
        ClipEncoder.load(write_vit(tmp_path), linears())
