"""The ViT tower: how far a spoilt picture is from the true one, by the angle between two embeddings.

Self-supervised: the true picture of a scene, a lightly degraded copy, and copies that are faulty, or faulty
and mended, are embedded; the cosine to the true picture is to be exp(-D / 0.45), where D measures the damage
by pixels (`damage`), and of two copies the less damaged is to be the nearer. Pictures of other scenes are far
by the same measure. What the tower adds to D is that light changes, a crop of a few pixels among them, stay
near. A linear head, thrown away afterwards, reads colours and contrasts by region from the embedding: without
it the start is slow.

The embedding is the class token's after the last norm: `last_hidden_state[:, 0]`. The pooler that
transformers expects is there, untrained.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import ViTConfig, ViTImageProcessorPil, ViTModel

from autoflow.suites.scenes import Purpose
from autoflow_scorer.towers.training import pictures
from autoflow_scorer.towers.training.optimisation import Schedule, optimise

SIDE = 128
SCHEDULE = Schedule(scenes=3_000, steps=900, batch=32, warm_up=30, matrix_rate=4e-3, other_rate=2e-3)

_SCALE = 0.45
_REGIONS = 4
_PART = 50
"""Scenes whose damage is measured at once."""
_LIGHT = 0.92
"""The cosine wanted of lightly degraded copies, at least."""
_LUMA = (0.299, 0.587, 0.114)


def train(out: Path, schedule: Schedule, cache: Path | None = None) -> dict[str, float]:
    """Trains the tower and writes it.

    Returns:
        The final losses.
    """
    torch.manual_seed(schedule.seed)
    members = pictures.scenes(Purpose.TRAINING, schedule.scenes)
    batches = _Batches(torch.from_numpy(pictures.versions(members, SIDE, cache, "training")), schedule)
    model = ViTModel._from_config(_config(), attn_implementation="eager")
    head = nn.Linear(model.config.hidden_size, 5 * _REGIONS**2)

    def losses(step: int) -> dict[str, Tensor]:
        shown, wanted = batches.draw()
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            far, facts = _far(shown[:, 0]), _facts(shown.flatten(0, 1))
        hidden = model(pixel_values=(shown.flatten(0, 1) - 0.5) / 0.5).last_hidden_state[:, 0]
        embedded = functional.normalize(hidden.float(), dim=-1).view(*shown.shape[:2], -1)
        near = (embedded[:, :1] * embedded[:, 1:]).sum(-1)
        others = torch.einsum("nd,mcd->nmc", embedded[:, 0], embedded)
        apart = ~torch.eye(len(shown), dtype=torch.bool)
        return {
            "near": 16 * (near - wanted).square().mean(),
            "order": _disorder(near, wanted),
            "far": 4 * (others - far[..., None])[apart].square().mean(),
            "facts": 2 * (head(hidden).float() - facts).square().mean(),
        }

    final = optimise([model, head], schedule, losses, "vit")
    model.half().save_pretrained(out)
    size = {"height": SIDE, "width": SIDE}
    half = (0.5, 0.5, 0.5)
    ViTImageProcessorPil(size=size, resample=3, image_mean=half, image_std=half).save_pretrained(out)
    return final


def damage(pictures: Tensor, others: Tensor) -> Tensor:
    """How far pictures are from others by their pixels; 0 for equal ones, about 1.2 for unrelated scenes.

    D = 2 · RMS of brightness + 3 · RMS of colour, in spots of 4 pixels, + mean |log ratio of contrasts| / 4.
    Contrast, in cells of 8 pixels, falls with blur and rises with noise; what restores it brings D down.

    Args:
        pictures: [..., 3, side, side] in [0, 1].
        others: the same, of a shape that broadcasts.

    Returns:
        [...].
    """
    ours, theirs = _parts(pictures), _parts(others)
    brightness, colour = (
        (own - other).square().mean((-3, -2, -1)).sqrt()
        for own, other in zip(ours[:2], theirs[:2], strict=True)
    )
    contrast = torch.log((ours[2] + 0.02) / (theirs[2] + 0.02)).abs().mean((-3, -2, -1))
    return 2 * brightness + 3 * colour + contrast / 4


def _facts(pictures: Tensor) -> Tensor:
    """Colours, and the contrasts of neighbouring pixels and of neighbouring pairs, by region, [n, facts]."""
    colours = (_pooled(pictures, SIDE // _REGIONS) - 0.5) / 0.25
    fine, coarse = _parts(pictures)[2], _parts(_pooled(pictures, 2))[2]
    contrasts = [functional.adaptive_avg_pool2d(values, _REGIONS) for values in (fine, coarse)]
    return torch.cat([colours, *(torch.log((values + 0.01) / 0.05) for values in contrasts)], dim=1).flatten(
        1
    )


def _parts(pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Brightness, colour without it, and local contrast."""
    luma = (pictures * torch.tensor(_LUMA).view(3, 1, 1)).sum(-3, keepdim=True)
    colour = _pooled(pictures - luma, 4)
    across = luma[..., :-1, 1:] - luma[..., :-1, :-1]
    down = luma[..., 1:, :-1] - luma[..., :-1, :-1]
    return luma, colour, _pooled(across.square() + down.square(), 8).sqrt()


def _pooled(values: Tensor, cell: int) -> Tensor:
    flat = functional.avg_pool2d(values.flatten(0, -4), cell)
    return flat.view(*values.shape[:-3], *flat.shape[1:])


class _Batches:
    """Scenes at random, each as the true picture and three of its copies, mirrored and tinted as a whole."""

    def __init__(self, pixels: Tensor, schedule: Schedule) -> None:
        self._pixels, self._batch = pixels, schedule.batch
        self._dice = torch.Generator().manual_seed(schedule.seed)
        self._wanted = torch.cat([_wanted(part) for part in pixels.split(_PART)])

    def draw(self) -> tuple[Tensor, Tensor]:
        """Pictures [batch, 4, 3, side, side] in [0, 1], and the cosines of copies to true ones [batch, 3]."""
        dice = self._dice
        chosen = torch.randint(len(self._pixels), (self._batch, 1), generator=dice)
        copies = torch.rand(self._batch, pictures.COPIES - 1, generator=dice).argsort(1)[:, :3]
        which = torch.cat([torch.zeros(self._batch, 1, dtype=torch.long), 1 + copies], dim=1)
        shown = _floats(self._pixels[chosen, which])
        mirrored = torch.rand(self._batch, generator=dice) < 0.5
        shown[mirrored] = shown[mirrored].flip(-1)
        tint = 1 + 0.3 * (torch.rand(self._batch, 1, 3, 1, 1, generator=dice) - 0.5)
        return (shown * tint).clamp(max=1.0), self._wanted[chosen, copies]


def _floats(pixels: Tensor) -> Tensor:
    """Bytes [..., side, side, 3] as [..., 3, side, side] in [0, 1]."""
    return pixels.movedim(-1, -3).float() / 255


def _wanted(pixels: Tensor) -> Tensor:
    """The cosines wanted of copies to the true picture, [n, COPIES - 1]; the light copy is the first."""
    versions = _floats(pixels)
    near = torch.exp(-damage(versions[:, :1], versions[:, 1:]) / _SCALE)
    near[:, 0].clamp_(min=_LIGHT)
    return near


def _far(true: Tensor) -> Tensor:
    """The cosines wanted of true pictures to each other, [n, n]; detail decides nothing there."""
    small = functional.avg_pool2d(true, 4)
    return torch.exp(-damage(small[:, None], small[None]) / _SCALE)


def _disorder(near: Tensor, wanted: Tensor) -> Tensor:
    """How badly the order of a scene's copies is missed."""
    gap = wanted[:, :, None] - wanted[:, None, :]
    found = near[:, :, None] - near[:, None, :]
    return (functional.softplus(-found / 0.04) * gap.clamp(min=0)).sum((1, 2)).mean()


def _config() -> ViTConfig:
    return ViTConfig(
        image_size=SIDE,
        patch_size=16,
        hidden_size=128,
        intermediate_size=512,
        num_hidden_layers=2,
        num_attention_heads=4,
        hidden_act="gelu",
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
