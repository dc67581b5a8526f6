import io
import os
from pathlib import Path

import pytest

from anonymize.batch.inputs import only_item, plan_items, read_all
from anonymize.errors import UnreadableInput, UsageError
from anonymize.recorded.item import fitting


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("in/a.mp4", "in/sub/b.MOV", "in/sub/notes.txt", "in/.hidden.mp4", "in/.git/c.mp4"):
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path


def test_one_file_gets_the_very_name_that_was_asked_for(tree):
    (item,) = plan_items(["in/a.mp4"], "safe.mkv")
    assert (item.source, item.target, item.named) == (Path("in/a.mp4"), Path("safe.mkv"), True)


@pytest.mark.parametrize("out", ["out/", "in/sub"])
def test_one_file_goes_below_a_folder(tree, out):
    (item,) = plan_items(["in/a.mp4"], out)
    assert (item.target, item.named) == (Path(out) / "a.mp4", False)


def test_a_folder_is_mirrored_without_hidden_files(tree):
    items = plan_items(["in"], "out")
    assert [item.target for item in items] == [Path("out/a.mp4"), Path("out/sub/b.MOV"), Path("out/sub/notes.txt")]
    assert [item.expected for item in items] == [True, True, False]


def test_an_output_folder_within_the_input_is_not_read(tree):
    Path("in/out").mkdir()
    Path("in/out/a.mp4").write_bytes(b"x")
    assert Path("in/out/a.mp4") not in [item.source for item in plan_items(["in"], "in/out")]


def test_patterns_are_expanded_for_shells_that_do_not(tree):
    assert [item.source for item in plan_items(["in/**/*.M*"], "out/")] == [Path("in/sub/b.MOV")]


def test_links_to_folders_are_not_followed(tree):
    Path("in/loop").symlink_to("..")
    names = [item.source and item.source.as_posix() for item in plan_items(["in"], "out")]
    assert names == ["in/a.mp4", "in/loop", "in/sub/b.MOV", "in/sub/notes.txt"]  # itself, to be named


def test_names_that_differ_in_suffix_alone_stay_apart(tree):
    Path("in/a.avi").write_bytes(b"x")
    Path("in/a.jpg").write_bytes(b"x")
    items = plan_items(["in/a.mp4", "in/a.avi", "in/a.jpg"], "out")
    assert [item.target.name for item in items] == ["a.mp4", "a.avi", "a.jpg"]
    assert [fitting(item, ".mkv").name for item in items] == ["a.mp4.mkv", "a.avi.mkv", "a.jpg.mkv"]


@pytest.mark.parametrize(
    "pair", [("0001.jpg", "0001.png"), ("i.HEIC", "i.MOV"), ("i.HEIC", "i.JPG", "i.MOV"), ("a", "a.mp4")]
)
def test_a_pair_keeps_its_names(tree, pair):
    for name in pair:
        (tree / "pairs").mkdir(exist_ok=True)
        (tree / "pairs" / name).write_bytes(b"x")
    assert {item.target.name for item in plan_items(["pairs"], "out")} == set(pair)


def test_of_two_names_that_a_file_system_may_take_for_one_the_first_is_kept(tree):
    for name in ("pairs/A.jpg", "pairs/a.jpg", "pairs/a.JPG"):
        (tree / "pairs").mkdir(exist_ok=True)
        (tree / name).write_bytes(b"x")
    targets = [item.target.name for item in plan_items(["pairs"], "out")]
    assert targets[0] == "A.jpg"
    assert len({target.casefold() for target in targets}) == len({*targets, "A.jpg"}) == 3


def test_only_a_changed_suffix_keeps_the_whole_name(tree):
    (item,) = plan_items(["in/a.mp4"], "out/")
    assert fitting(item, ".mkv").name == "a.mkv"
    Path("in/a.avi").write_bytes(b"x")
    first, second = plan_items(["in/a.avi", "in/a.mp4"], "out/")
    assert [fitting(first, ".mp4").name, fitting(second, ".mp4").name] == ["a.avi.mp4", "a.mp4"]


def test_the_same_name_from_two_folders_is_refused(tree):
    Path("in/sub/a.mp4").write_bytes(b"x")
    with pytest.raises(UsageError, match="two inputs"):
        plan_items(["in/a.mp4", "in/sub/a.mp4"], "out")


@pytest.mark.parametrize("text", ["gone.mp4", "gone/*.mp4"])
def test_what_is_not_there_is_said(tree, text):
    with pytest.raises(UnreadableInput, match="no "):
        plan_items([text], "out")


def test_the_input_is_never_the_output(tree):
    os.link("in/a.mp4", "same.mp4")
    for out in ("in/a.mp4", "same.mp4"):
        with pytest.raises(UsageError, match="replace the input"):
            plan_items(["in/a.mp4"], out)


def test_commands_for_one_file_refuse_folders(tree):
    with pytest.raises(UsageError, match="one file"):
        only_item("in", "plan.jsonl")


def test_standard_input_is_taken_up_to_a_limit():
    assert read_all(io.BytesIO(b"abc"), limit=3) == b"abc"
    with pytest.raises(UnreadableInput, match="standard input"):
        read_all(io.BytesIO(b"abcd"), limit=3)
