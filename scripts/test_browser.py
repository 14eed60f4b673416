"""Opens the pages of runs in Chromium, as wide as a desktop and as narrow as a phone: `make test-browser`.

Each page must show every part, stay within the window (only tables and drawings may scroll, each by itself),
load nothing, run nothing, and write no error to the console, by day and by night. Pictures of what was seen
go to `build/browser`. Ends with 3 where there is no Chromium: then nothing was tested.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from autoflow_worker.run_page.page import render
from scripts.requirements import ROOT
from tests.worker import test_evaluation_page as evaluations
from tests.worker.matrix import test_page as matrices
from tests.worker.run_page.stories import story

NO_BROWSER = 3
WINDOWS = {"desktop": (1280, 900), "phone": (390, 844)}
"""Width and height in CSS pixels."""
SCHEMES = ("light", "dark")
PARTS: Mapping[str, tuple[str, ...]] = {
    "optimization": (
        "flags",
        "result",
        "curve",
        "tree",
        "winner",
        "changed",
        "tasks",
        "steps",
        "ledger",
        "refused",
    ),
    "evaluation": (),
    "matrix": ("pairings", "flags", "cost", "winners"),
}
"""Ids that must be seen, by page."""
_PICTURES = ROOT / "build" / "browser"

_WIDER_THAN_THE_WINDOW = """() => [...document.body.querySelectorAll('*')].filter(element => {
    const scrolls = element.closest('.wide, .drawn');
    return !scrolls && element.getBoundingClientRect().right > window.innerWidth + 1;
}).map(element => element.outerHTML.slice(0, 120))"""
_TOO_FAINT = """() => {
    const parts = colour => colour.match(/[0-9.]+/g).map(Number);
    const light = ([r, g, b]) => {
        const linear = v => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; };
        return .2126 * linear(r) + .7152 * linear(g) + .0722 * linear(b);
    };
    const ink = light(parts(getComputedStyle(document.body).color));
    const back = light(parts(getComputedStyle(document.body).backgroundColor));
    return (Math.max(ink, back) + .05) / (Math.min(ink, back) + .05) < 7;
}"""


def main() -> int:
    """Opens every page in every window; returns the exit status."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("there is no Chromium here: nothing was tested (Debian: apt install chromium)", file=sys.stderr)
        return NO_BROWSER
    _PICTURES.mkdir(parents=True, exist_ok=True)
    faults = list(_faults(chromium))
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{len(PARTS) * len(WINDOWS) * len(SCHEMES)} views, {len(faults)} faults; pictures in {_PICTURES}")
    return int(bool(faults))


def _faults(chromium: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        pages = {
            "optimization": render(story()),
            "evaluation": evaluations.rendered(
                Path(folder) / "artifacts", [evaluations.measured("t0", 0.25, 0.75, 1.0)], evaluations.SAMPLE
            ),
            "matrix": matrices.rendered().encode(),
        }
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, (window, size), scheme in product(pages, WINDOWS.items(), SCHEMES):
            file = Path(folder) / f"{name}.html"
            file.write_bytes(pages[name])
            context = browser.new_context(
                viewport={"width": size[0], "height": size[1]},
                color_scheme="dark" if scheme == "dark" else "light",
            )
            view = f"{name}, {window}, {scheme}"
            page = context.new_page()
            yield from (f"{view}: {fault}" for fault in _opened(page, file, PARTS[name]))
            page.screenshot(path=_PICTURES / f"{name}-{window}-{scheme}.png", full_page=True)
            context.close()
        browser.close()


def _opened(page: Page, file: Path, parts: tuple[str, ...]) -> Iterator[str]:
    told: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    title_before = page.title()
    page.goto(file.as_uri())
    if page.title() in ("", title_before, "broken"):
        yield f"its title is {page.title()!r}"
    yield from (f"the console says: {message}" for message in told)
    yield from (f"it loads {url}" for url in asked if url != file.as_uri())
    for part in parts:
        if not page.locator(f"#{part}").is_visible():
            yield f"#{part} is not seen"
    for element in page.evaluate(_WIDER_THAN_THE_WINDOW):
        yield f"wider than the window: {element}"
    if page.evaluate(_TOO_FAINT):
        yield "the text is too faint"
    for drawing in page.locator("svg").all():
        box = drawing.bounding_box()
        if box is None or min(box["width"], box["height"]) < 20:
            yield f"a drawing is not seen: {drawing.locator('title').first.text_content()}"


if __name__ == "__main__":
    sys.exit(main())
