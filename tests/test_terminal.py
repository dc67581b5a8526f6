"""Every command on a terminal: what a person at a screen gets to see."""

import pytest

from tests.media import make_video
from tests.terminals import on_terminal


@pytest.mark.parametrize("name", ["film.mp4", "stream.ts", "picture.png"])
def test_a_file_is_done_on_a_terminal(tmp_path, name):
    source = _media(tmp_path / name)
    seen = on_terminal("run", source, "-o", tmp_path / f"safe-{name}")
    assert seen.code == 0, seen.sent
    assert (tmp_path / f"safe-{name}").exists()
    assert "internal error" not in seen.sent


def test_a_folder_is_done_on_a_terminal_by_two_workers(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("a.mp4", "b.ts", "c.png"):
        _media(tmp_path / "in" / name)
    seen = on_terminal("run", tmp_path / "in", "-o", f"{tmp_path}/out/", "--workers", "2")
    assert seen.code == 0, seen.sent
    assert "3 done, 0 failed" in seen.sent


def _media(path):
    if path.suffix == ".png":
        from PIL import Image

        from tests.media import pattern

        Image.fromarray(pattern(0)).save(path)
        return path
    return make_video(path, frames=12, size=(160, 120))
