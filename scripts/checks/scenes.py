"""A scene is drawn and described."""

from __future__ import annotations

from autoflow.suites import scenes

if __name__ == "__main__":
    scene = scenes.scene(7)
    picture = scenes.draw(scene)
    assert picture.size == scenes.SIZE, picture.size
    assert scenes.caption(scene).endswith("."), scenes.caption(scene)
