"""Makes a folder in OpenAGI's published layout: its 185 tasks, with tiny pictures and short texts."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product
from pathlib import Path

from PIL import Image

_LANGUAGES = ("German", "English")
_ENDING = " step by step?"


def images() -> Iterator[str]:
    """What is given, from all faults to one."""
    faults = product(("grayscale ", ""), ("blurry ", ""), ("noisy ", ""), ("low-resolutioned ", ""))
    for colour, blur, noise, size in faults:
        if colour or blur or noise or size:
            yield f"{size}{noise}{blur}{colour}image"


def descriptions() -> list[str]:
    """The lines of `task_description.txt`."""
    texts = ("clozed English", "English")
    wanted = [
        f"return the {what} in {to}"
        for to in _LANGUAGES
        for what in ("caption", "class label", "object names")
    ]
    asked = [f"answer the question in {to}" for to in _LANGUAGES]
    pairs = [
        *((given, "return the regular image") for given in images()),
        *product(images(), wanted),
        *((f"{text} text", "generate a image") for text in texts),
        *(
            (f"{text} text", what)
            for text in texts
            for what in (
                "return the summarization in German",
                "translate the text in German",
                "return the sentiment in German",
                "return the summarization in English",
                "return the sentiment in English",
            )
        ),
        *((f"{given} and {text} query", what) for given in images() for text in texts for what in asked),
        *((f"{one} document and {other} query", what) for one in texts for other in texts for what in asked),
    ]
    return [f"Given {given}, how to {what} step by step?" for given, what in pairs]


@cache
def jpeg(name: str, faults: str = "") -> bytes:
    """A small picture; equal names and faults give equal bytes, others do not."""
    colour = tuple((sum(name.encode()) * factor + 40 * len(faults)) % 256 for factor in (37, 91, 151))
    file = io.BytesIO()
    Image.new("RGB", (16, 16), colour).save(file, "JPEG")
    return file.getvalue() + f"{name} {faults}".encode()


def write(root: Path, lines: Sequence[str], samples: int) -> None:
    """Makes the folder.

    Args:
        root: is made.
        lines: the descriptions.
        samples: of each task.
    """
    root.mkdir()
    (root / "task_description.txt").write_text("".join(f"{line}\n" for line in lines))
    for task, line in enumerate(lines):
        folder = root / str(task)
        given, wanted = line.removeprefix("Given ").split(", how to ")
        (folder / "inputs").mkdir(parents=True)
        (folder / "outputs").mkdir()
        _write_inputs(folder / "inputs", given, wanted, samples)
        _write_outputs(folder / "outputs", wanted, samples)
    (root / ".DS_Store").write_bytes(b"left behind")


def _write_inputs(folder: Path, given: str, wanted: str, samples: int) -> None:
    collection = _collection(given, wanted)
    if "image" in given:
        _write_pictures(folder / "images", collection, given.split("image", maxsplit=1)[0], samples)
    if "query" in given:
        _write_lines(folder / "questions.txt", ["What is it?", "Who is there?"] * samples, samples)
    if "document" in given:
        # Neighbours share a document, as they do in the published data.
        documents = [f"The long {collection} document {number // 2}" for number in range(samples)]
        _write_lines(folder / "context.txt", documents, samples, given.startswith("clozed"))
    elif "text" in given:
        name = "captions.txt" if "generate" in wanted else "text.txt"
        texts = [f"Text {number} of {collection}" for number in range(samples)]
        _write_lines(folder / name, texts, samples, "clozed" in given)


def _write_outputs(folder: Path, wanted: str, samples: int) -> None:
    if "regular image" in wanted:
        _write_pictures(folder / "images", "classes", "", samples)
    elif "generate" not in wanted:
        name = "answers.txt" if "answer" in wanted else "labels.txt"
        _write_lines(
            folder / name, [f"{wanted.removesuffix(_ENDING)}: {number}" for number in range(samples)], samples
        )


def _collection(given: str, wanted: str) -> str:
    """The collection that a task's samples are of: some tasks share one."""
    if "query" in given:
        return "questions"
    if "regular" in wanted or "class" in wanted:
        return "classes"
    return next(
        word
        for word in ("caption", "object", "summar", "translat", "sentiment", "generate")
        if word in wanted
    )


def _write_pictures(folder: Path, collection: str, faults: str, samples: int) -> None:
    folder.mkdir()
    for number in range(samples):
        (folder / f"{number}.jpg").write_bytes(jpeg(f"{collection} {number}", faults))


def _write_lines(path: Path, texts: Sequence[str], samples: int, clozed: bool = False) -> None:
    lines = [text.replace(" of ", " [MASK] ") if clozed else text for text in texts[:samples]]
    path.write_text("".join(f"{line}\n" for line in lines))
