"""Something writes to a source while it is worked on: its passes would have seen different pictures."""

import os
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from anonymize import storage
from anonymize.batch import run as batch
from anonymize.batch.inputs import only_item, plan_items
from anonymize.errors import InputError
from anonymize.plan import read as read_plan
from anonymize.recorded import job
from tests.helpers.formats import documented
from tests.helpers.media import make_video, pattern
from tests.helpers.runs import settings

SEGMENTED: dict[str, Any] = {
    "frames": [pattern(n, (64, 48)) for n in range(1050)],
    "options": {"g": "25", "preset": "ultrafast"},
}


def _rewritten(path, other):
    path.write_bytes(other.read_bytes())


def _replaced(path, other):
    copy = path.with_name("copy.mp4")
    shutil.copyfile(other, copy)
    copy.replace(path)


def _appended(path, other):
    with path.open("ab") as file:
        file.write(b"\0" * 8)


def _swapped_and_put_back(path, other):
    """Another file had the name for a while; the first one is back, with its times set as they were."""
    facts = path.stat()
    away = path.with_name("away.mp4")
    path.rename(away)
    shutil.copyfile(other, path)
    away.replace(path)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def _same_size_and_time(path, other):
    facts = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def _removed(path, other):
    path.unlink()


def _broken(path, other):
    path.write_bytes(b"no film any more" * 64)


CHANGES = [_rewritten, _broken, _replaced, _appended, _swapped_and_put_back, _same_size_and_time, _removed]


@pytest.fixture
def clips(tmp_path):
    one = make_video(tmp_path / "a.mp4", frames=6)
    return one, make_video(tmp_path / "other.mp4", frames=[pattern(n, seed=5) for n in range(6)])


class _At:
    """Changes the source once, when `stage` begins."""

    def __init__(self, stage, change, path, other):
        self._stage = stage
        self._change: Callable[[], object] | None = lambda: change(path, other)

    def __call__(self, news, *rest):
        news = rest[0] if rest else news
        if self._change and getattr(news, "stage", "") == self._stage:
            change, self._change = self._change, None
            change()


@documented("damage", "the source changes, or another file takes its name, while it is worked on", "refused: run again")
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("stage", ["detect", "render"])
def test_run_releases_nothing_of_a_source_that_changed(clips, tmp_path, change, stage):
    path, other = clips
    item = only_item(str(path), str(tmp_path / "safe.mp4"))
    with pytest.raises(InputError, match=None if change is _removed else "while it was worked on"):
        job.run(item, settings(), on_progress=_At(stage, change, path, other))
    assert not (tmp_path / "safe.mp4").exists()
    assert not list(tmp_path.glob(".anonymize-*"))


@pytest.mark.parametrize("change", [_rewritten, _swapped_and_put_back])
def test_the_change_is_noticed_after_the_check_too(clips, tmp_path, change):
    path, other = clips
    checked = settings(verify={"publish_unverified": False})
    item = only_item(str(path), str(tmp_path / "safe.mp4"))
    with pytest.raises(InputError, match="while it was worked on"):
        job.run(item, checked, on_progress=_At("verify", change, path, other))
    assert not (tmp_path / "safe.mp4").exists()


@pytest.mark.parametrize("change", [_rewritten, _replaced])
def test_detect_writes_no_plan_and_render_no_video(clips, tmp_path, change):
    path, other = clips
    kept = path.read_bytes()
    made, _ = job.detect(only_item(str(path), str(tmp_path / "p.jsonl")), settings())
    assert made.about.sha256 == read_plan(tmp_path / "p.jsonl").about.sha256
    with pytest.raises(InputError, match="while it was worked on"):
        job.render(
            only_item(str(path), str(tmp_path / "o.mp4")),
            made,
            settings(),
            on_progress=_At("render", change, path, other),
        )
    path.write_bytes(kept)
    with pytest.raises(InputError, match="while it was worked on"):
        job.detect(
            only_item(str(path), str(tmp_path / "q.jsonl")), settings(), on_progress=_At("detect", change, path, other)
        )
    assert not (tmp_path / "o.mp4").exists()
    assert not (tmp_path / "q.jsonl").exists()


@pytest.mark.parametrize("workers", [1, 2])
def test_in_segments_too(tmp_path, workers):
    path = make_video(tmp_path / "long.mp4", **SEGMENTED)
    other = shutil.copy(path, tmp_path / "other.mp4")
    item = only_item(str(path), str(tmp_path / "safe.mp4"))
    with pytest.raises(InputError, match="while it was worked on"):
        job.run(item, settings(), workers=workers, on_progress=_At("render", _swapped_and_put_back, path, other))
    assert not (tmp_path / "safe.mp4").exists()


def test_in_a_folder_it_fails_its_own_file_alone(clips, tmp_path):
    (tmp_path / "in").mkdir()
    for clip in clips:
        shutil.copy(clip, tmp_path / "in")
    path = tmp_path / "in" / "a.mp4"
    items = plan_items([str(tmp_path / "in")], f"{tmp_path}/out/")
    outcomes = batch.run(items, settings(), on_item=_At("render", _rewritten, path, clips[1]))
    assert [(o.item.relative.name, o.exit_code) for o in outcomes] == [("a.mp4", 3), ("other.mp4", 0)]
    again = batch.run(items, settings())
    assert [o.exit_code for o in again] == [0, 0]


def test_behind_an_address(clips, tmp_path):
    pytest.importorskip("upath", reason="needs universal-pathlib: in requirements/dev.txt")
    (tmp_path / "bucket").mkdir()
    path = tmp_path / "bucket" / "a.mp4"
    shutil.copy(clips[0], path)
    item = only_item(f"local://{path}", f"local://{tmp_path}/bucket/safe.mp4")
    with pytest.raises(InputError):
        job.run(item, settings(), on_progress=_At("render", _replaced, path, clips[1]))
    assert not (tmp_path / "bucket" / "safe.mp4").exists()


def test_a_source_that_is_only_read_is_the_same_afterwards(clips):
    before = storage.identity(clips[0])
    clips[0].read_bytes()
    assert storage.identity(clips[0]) == before
