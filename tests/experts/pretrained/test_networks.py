"""Each tool gives what transformers gives for one sample after the other, whatever shares a pass."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from transformers import AutoImageProcessor, AutoTokenizer, pipeline

from autoflow.images import ImageLimits
from autoflow_experts.experts import Failure, Inputs, Result
from autoflow_experts.pretrained.catalogue import ModelSpec
from autoflow_experts.pretrained.networks.load import Machine, load_network
from tests.experts.pretrained.folders import write_real_time_objects, write_vocabulary
from tests.experts.pretrained.pictures import picture
from tests.experts.tools import opened

TEXTS = [
    "The weather was lovely.",
    "A large black fish swims beside the small orange flower, and a traveller came by train.",
    "fish",
    "How many fish are there? " * 30,
    "Eine kleine Blume steht auf der Wiese, and the old town is beside it.",
]
QUESTIONS = ["What colour is the flower?", "How many fish are there?", "the weather?"]
PICTURES = [picture(seed, 40 + 16 * (seed % 2), 48) for seed in range(6)]
BUDGETS = pytest.mark.parametrize("budget", [1, 100, 4096])


def applied(folder: Path, tool: str, samples: Sequence[Inputs], budget: int, **options: Any) -> list[Result]:
    """What a tool makes of samples in one call."""
    machine = Machine("cpu", "float32", budget, ImageLimits())
    return list(load_network(ModelSpec(tool, str(folder), **options), machine).apply(samples))


def one_by_one(oracle: Callable[[Any], Any], samples: Sequence[Any]) -> list[Any]:
    """What transformers makes of each sample."""
    with torch.inference_mode():
        return [oracle(sample) for sample in samples]


@BUDGETS
def test_sentiment_is_that_of_the_pipeline(folders: Mapping[str, Path], budget: int) -> None:
    folder = folders["Sentiment Analysis"]
    oracle = pipeline("text-classification", str(folder), truncation=True)
    expected = one_by_one(lambda text: oracle(text)[0]["label"].lower(), [*TEXTS, ""])

    assert applied(folder, "Sentiment Analysis", [[text] for text in [*TEXTS, ""]], budget) == expected
    assert set(expected) == {"positive", "negative"}


def test_a_vocabulary_is_a_tokenizer(folders: Mapping[str, Path], tmp_path: Path) -> None:
    write_vocabulary(tmp_path)
    samples = [[text] for text in TEXTS]

    assert applied(tmp_path, "Sentiment Analysis", samples, 4096) == applied(
        folders["Sentiment Analysis"], "Sentiment Analysis", samples, 4096
    )


@BUDGETS
def test_gaps_are_filled_as_by_the_pipeline(folders: Mapping[str, Path], budget: int) -> None:
    folder = folders["Fill Mask"]
    oracle: Any = pipeline("fill-mask", str(folder), top_k=1)
    texts = ["A [MASK] fish.", "[MASK]", "The Größe of a [MASK] is [MASK] and [MASK].", "the [MASK], the sea"]

    def filled(text: str) -> str:
        # A list for a text with one gap, a list of lists for one with several.
        found = oracle(text) if text.count("[MASK]") > 1 else [oracle(text)]
        words = [str(one["token_str"]).removeprefix("##") for [one] in found]
        return re.sub(r"\[MASK\]", lambda _: words.pop(0), text)

    expected = one_by_one(filled, texts)
    assert applied(folder, "Fill Mask", [[text] for text in texts], budget) == expected
    assert len(set(expected)) == len(texts)


def test_a_text_without_a_gap_or_with_one_out_of_reach_cannot_be_done(folders: Mapping[str, Path]) -> None:
    texts = ["no gap", "the sea " * 100 + "[MASK]", "a [MASK]"]
    results = applied(folders["Fill Mask"], "Fill Mask", [[text] for text in texts], 4096)

    assert results[:2] == [
        Failure("the text has no gap: a gap is written [MASK]"),
        Failure("the text is too long: a gap is not among its first 64 tokens"),
    ]
    assert isinstance(results[2], str)


@BUDGETS
@pytest.mark.parametrize(
    ("tool", "prefix", "auto"),
    [
        ("Text Summarization", "", transformers.BartForConditionalGeneration),
        ("Machine Translation", "translate English to German: ", transformers.T5ForConditionalGeneration),
    ],
)
def test_texts_are_written_as_the_model_says_of_itself(
    folders: Mapping[str, Path], tool: str, prefix: str, auto: Any, budget: int
) -> None:
    folder = folders[tool]
    model: Any = auto.from_pretrained(folder)
    tokenizer = _tokenizer(folder)

    def written(text: str) -> str:
        inputs = tokenizer(prefix + text, truncation=True, return_tensors="pt")
        return str(tokenizer.decode(model.generate(**inputs)[0], skip_special_tokens=True).strip())

    expected = one_by_one(written, TEXTS)
    assert applied(folder, tool, [[text] for text in TEXTS], budget, prefix=prefix) == expected
    assert len(set(expected)) > 2


def test_a_text_becomes_no_longer_than_is_set(folders: Mapping[str, Path]) -> None:
    folder = folders["Text Summarization"]
    model: Any = transformers.BartForConditionalGeneration.from_pretrained(folder)
    tokenizer = _tokenizer(folder)
    model.generation_config.max_length = 4
    inputs = tokenizer(TEXTS[1], truncation=True, return_tensors="pt")
    written = tokenizer.decode(model.generate(**inputs)[0], skip_special_tokens=True).strip()

    assert applied(folder, "Text Summarization", [[TEXTS[1]]], 4096, max_new_tokens=3) == [written]
    assert applied(folder, "Text Summarization", [[TEXTS[1]]], 4096) != [written]


@BUDGETS
def test_answers_are_the_best_spans(folders: Mapping[str, Path], budget: int) -> None:
    folder = folders["Question Answering"]
    model: Any = transformers.DistilBertForQuestionAnswering.from_pretrained(folder)
    tokenizer = _tokenizer(folder)
    samples = [(text, question) for text in TEXTS for question in QUESTIONS]

    def best(sample: tuple[str, str]) -> str:
        text, question = sample
        windows = tokenizer(
            question,
            text,
            truncation="only_second",
            max_length=64,
            stride=(64 - len(tokenizer.tokenize(question)) - 3) // 2,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        spans = []
        for index, ids in enumerate(windows["input_ids"]):
            outputs = model(input_ids=torch.tensor([ids]))
            of_text = [place for place, part in enumerate(windows.sequence_ids(index)) if part == 1]
            for first in of_text:
                for last in (place for place in of_text if first <= place < first + 30):
                    offsets = windows["offset_mapping"][index]
                    score = outputs.start_logits[0, first] + outputs.end_logits[0, last]
                    spans.append((float(score), offsets[first][0], offsets[last][1]))
        _, begin, end = max(spans, key=lambda span: span[0])
        words = [found.span() for found in re.finditer(r"\w+|[^\w\s]", text)]
        starts = [start for start, stop in words if start <= begin < stop]
        stops = [stop for start, stop in words if start < end <= stop]
        return text[starts[0] : stops[0]]

    expected = one_by_one(best, samples)
    assert applied(folder, "Question Answering", samples, budget) == expected
    assert len(set(expected)) > 5


def test_a_question_needs_a_text_and_must_leave_room_for_it(folders: Mapping[str, Path]) -> None:
    samples = [(" ", "how?"), ("a fish", "how " * 80), ("a fish", "")]
    results = applied(folders["Question Answering"], "Question Answering", samples, 4096)

    assert results[:2] == [
        Failure("the text is empty"),
        Failure("the question is too long: it has 80 tokens"),
    ]
    assert results[2] in ("a fish", "a", "fish")


@BUDGETS
def test_classes_of_pictures_are_those_of_the_pipeline(folders: Mapping[str, Path], budget: int) -> None:
    folder = folders["Image Classification"]
    oracle: Any = pipeline("image-classification", str(folder), top_k=1)
    expected = one_by_one(lambda shown: oracle(opened(shown))[0]["label"], PICTURES)

    assert applied(folder, "Image Classification", [[one] for one in PICTURES], budget) == expected
    assert len(set(expected)) > 1


@BUDGETS
def test_captions_are_those_of_the_model(folders: Mapping[str, Path], budget: int) -> None:
    folder = folders["Image Captioning"]
    model: Any = transformers.VisionEncoderDecoderModel.from_pretrained(folder)
    processor, tokenizer = _processor(folder), _tokenizer(folder)

    def caption(shown: bytes) -> str:
        pixels = processor(images=opened(shown), return_tensors="pt").pixel_values
        return str(tokenizer.decode(model.generate(pixels)[0], skip_special_tokens=True).strip())

    expected = one_by_one(caption, PICTURES)
    assert applied(folder, "Image Captioning", [[one] for one in PICTURES], budget) == expected
    assert len(set(expected)) > 1


@BUDGETS
@pytest.mark.parametrize("kind", ["DETR", "RT-DETR"])
def test_things_are_named_from_left_to_right(
    folders: Mapping[str, Path], tmp_path: Path, kind: str, budget: int
) -> None:
    folder: Path
    auto: Any
    if kind == "DETR":
        folder, auto = folders["Object Detection"], transformers.DetrForObjectDetection
    else:
        folder, auto = tmp_path, transformers.RTDetrForObjectDetection
        write_real_time_objects(folder)
    model = auto.from_pretrained(folder)
    processor = _processor(folder)

    def names(shown: bytes) -> str:
        outputs = model(**processor(images=opened(shown), return_tensors="pt"))
        [found] = processor.post_process_object_detection(outputs, 0.5, [(48, 56)])
        things = [
            (float(left + right), model.config.id2label[int(label)])
            for label, (left, _, right, _) in zip(found["labels"], found["boxes"], strict=True)
        ]
        return ", ".join(name for _, name in sorted(things, key=lambda thing: thing[0])) or "nothing"

    expected = one_by_one(names, PICTURES)
    found = applied(folder, "Object Detection", [[one] for one in PICTURES], budget, threshold=0.5)
    assert found == expected
    assert len(set(expected)) > 1


@BUDGETS
def test_questions_about_pictures_are_answered_as_by_the_model(
    folders: Mapping[str, Path], budget: int
) -> None:
    folder = folders["Visual Question Answering"]
    model: Any = transformers.ViltForQuestionAnswering.from_pretrained(folder)
    processor = transformers.ViltProcessor(_processor(folder), _tokenizer(folder))
    samples = [(shown, question) for shown in PICTURES for question in QUESTIONS]

    def answer(sample: tuple[bytes, str]) -> str:
        inputs: Any = processor(images=opened(sample[0]), text=sample[1], return_tensors="pt")
        return str(model.config.id2label[int(model(**inputs).logits.argmax())])

    expected = one_by_one(answer, samples)
    assert applied(folder, "Visual Question Answering", samples, budget) == expected
    assert len(set(expected)) > 1


@BUDGETS
@pytest.mark.parametrize(
    ("tool", "factor"), [("Image Denoising", 1), ("Image Deblurring", 1), ("Image Super Resolution", 2)]
)
def test_pictures_are_restored_as_by_the_model(
    folders: Mapping[str, Path], tool: str, factor: int, budget: int
) -> None:
    folder = folders[tool]
    model: Any = transformers.Swin2SRForImageSuperResolution.from_pretrained(folder)
    processor = _processor(folder)
    shown = [picture(seed, width, 19) for seed, width in enumerate((16, 21, 21, 13))]

    def restored(one: bytes) -> np.ndarray[Any, Any]:
        before = opened(one)
        values = model(**processor(images=before, return_tensors="pt")).reconstruction[0]
        clean: np.ndarray[Any, Any] = (values.clamp(0, 1) * 255).permute(1, 2, 0).numpy()
        return clean[: before.height * factor, : before.width * factor]

    for one, expected in zip(
        applied(folder, tool, [[one] for one in shown], budget), one_by_one(restored, shown), strict=True
    ):
        assert isinstance(one, bytes)
        assert np.abs(np.asarray(opened(one), float) - expected).max() < 0.51
        assert expected.std() > 5


def test_a_picture_that_grows_too_large_is_told(folders: Mapping[str, Path]) -> None:
    folder = folders["Image Super Resolution"]
    [large] = applied(folder, "Image Super Resolution", [[picture(0, 1100, 1000)]], 4096)

    assert large == Failure("enlarged it would have 2200 x 2000 pixels, but at most 4194304 are made")


def _tokenizer(folder: Path) -> Any:
    return AutoTokenizer.from_pretrained(folder)


def _processor(folder: Path) -> Any:
    return AutoImageProcessor.from_pretrained(folder, backend="pil")
