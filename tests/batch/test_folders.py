"""What a folder may hold beside films and pictures, and how outputs are called."""

import os
import resource
import shutil
import socket
import stat
import tempfile
import unicodedata
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from anonymize import report
from anonymize.batch import run as batch
from anonymize.batch.inputs import only_item, plan_items
from anonymize.batch.reports import Reports
from anonymize.errors import UnreadableInput
from anonymize.kinds import Verdict
from anonymize.recorded import job
from anonymize.recorded.item import fitting
from anonymize.report import Report
from tests.cli.test_cli import anonymize
from tests.helpers.formats import documented
from tests.helpers.media import make_image, make_video
from tests.helpers.runs import Seen, settings


def _picture(path: Path) -> Path:
    Image.new("RGB", (64, 48), (90, 120, 60)).save(path, "JPEG")
    return path


def _noise(folder: Path) -> Path:
    path = folder / "a.png"
    Image.effect_noise((64, 48), 90).convert("RGB").save(path)
    return path


def _link_to(target):
    def make(path):
        path.symlink_to(target)

    return make


def _socket(path):
    with socket.socket(socket.AF_UNIX) as bound:
        here = Path.cwd()
        os.chdir(path.parent)  # the path of a socket may be no longer than 108 bytes
        try:
            bound.bind(path.name)
        finally:
            os.chdir(here)


def _folder(path):
    (path / "inside").mkdir(parents=True)


ODD = [
    ("gone.mp4", _link_to("nowhere"), 3, "a dangling link"),
    ("gone", _link_to("nowhere"), 3, "a dangling link"),
    ("circle.jpg", _link_to("circle.jpg"), 3, "a link to itself"),
    ("pipe", os.mkfifo, 3, "a pipe"),
    ("pipe.mp4", os.mkfifo, 3, "a pipe"),
    ("socket", _socket, 3, "a socket"),
    ("away.mp4", _folder, None, "a folder called like a film"),
    ("notes.txt", lambda path: path.write_text("hello"), 0, "a file that is no media"),
    ("empty.txt", lambda path: path.touch(), 0, "an empty file whose suffix says nothing"),
    ("empty.mp4", lambda path: path.touch(), 3, "an empty file whose suffix promises media"),
    ("link", _link_to("."), 0, "a link to a folder"),
]
OUTCOMES = {3: "named, counted as failed; the run ends with 10", 0: "named, left out", None: "looked into"}


@pytest.mark.parametrize(
    ("name", "make", "code"),
    [pytest.param(n, m, c, marks=documented("names", f"in a folder: {what}", OUTCOMES[c])) for n, m, c, what in ODD],
)
def test_nothing_in_a_folder_is_passed_over_in_silence(tmp_path, name, make, code):
    workers = 2 if name == "pipe" else 1
    (tmp_path / "in").mkdir()
    make_video(tmp_path / "in" / "a.mp4", frames=2)
    make(tmp_path / "in" / name)
    seen = Seen(tmp_path / "in", tmp_path / "out", workers=workers)
    assert seen.by_name["a.mp4"].output
    if code is None:
        assert set(seen.by_name) == {"a.mp4"}
        return
    odd = seen.by_name[name]
    assert (odd.exit_code, odd.left_out, odd.output) == (3, code == 0, None)
    assert name in odd.message
    assert seen.code == (10 if code else 0)
    again = Seen(tmp_path / "in", tmp_path / "out", workers=workers)
    assert again.code == seen.code
    assert again.done_now == set()


@contextmanager
def _nobody():
    """Without root's right to read everything."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_place():
    """A folder that everybody may look into: pytest's own are for the user alone."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    for path in folder.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("mode", "what"),
    [
        (0o000, "cannot be listed"),
        (0o444, "no permission"),
        (0o311, "cannot be listed"),
    ],
)
@documented("names", "in a folder: one without permission", OUTCOMES[3])
def test_a_folder_without_permission_is_a_failure(open_place, tmp_path, mode, what):
    footage = open_place / "in"
    (footage / "closed").mkdir(parents=True)
    _picture(footage / "a.jpg")
    _picture(footage / "closed" / "b.jpg")
    (footage / "closed").chmod(mode)
    (open_place / "out").mkdir()
    (open_place / "out").chmod(0o777)
    with _nobody():
        seen = Seen(footage, open_place / "out")
    assert seen.code == 10
    assert seen.by_name["a.jpg"].output
    (failed,) = (outcome for outcome in seen.by_name.values() if outcome.exit_code)
    assert what in failed.report.error
    assert "closed" in failed.item.label


def test_a_file_without_permission_is_a_failure_whatever_its_name(open_place):
    footage = open_place / "in"
    footage.mkdir()
    _picture(footage / "a.jpg")
    _picture(footage / "who-knows").chmod(0)
    (open_place / "out").mkdir()
    (open_place / "out").chmod(0o777)
    with _nobody():
        assert Seen(footage, open_place / "out").code == 10


def test_a_folder_that_cannot_be_listed_at_all_is_an_error(open_place):
    (open_place / "in").mkdir(mode=0o000)
    with _nobody(), pytest.raises(UnreadableInput, match=r"in: this folder cannot be listed"):
        plan_items([str(open_place / "in")], str(open_place / "out"))


@pytest.mark.parametrize("text", ["x" * 300, "x" * 300 + "/a.mp4"])
def test_a_name_that_no_file_can_have_is_an_error(text, tmp_path):
    with pytest.raises(UnreadableInput, match="cannot be read"):
        plan_items([text], str(tmp_path / "out/"))


PARTS = st.sampled_from(["a", "A", "b", "é", "e\u0301", ".mp4", ".MP4", ".avi", ".jpg", ".ts", ".x", "~2"])
NAME = st.builds("".join, st.lists(PARTS, min_size=1, max_size=4)).filter(lambda name: not name.startswith("."))
NAMES = st.lists(NAME, min_size=1, max_size=8, unique=True)
SUFFIXES = [".mp4", ".avi", ".ts", ".mkv", ".jpg", ".png"]


@given(names=NAMES, data=st.data())
def test_outputs_of_one_run_are_distinct_whatever_the_files_hold(names, data):
    with tempfile.TemporaryDirectory() as place:
        for name in names:
            (Path(place) / name).touch()
        items = plan_items([place], f"{place}/../out/")
    outputs = [fitting(item, data.draw(st.sampled_from(SUFFIXES))) for item in items]
    alike = [unicodedata.normalize("NFC", str(path)).casefold() for path in outputs]
    assert len(set(alike)) == len(outputs), outputs
    assert len({item.relative for item in items}) == len(items)


@documented("names", "`a.avi`, `a.mp4` and `a.avi.mp4` in one run", "three outputs, each under a name of its own")
@pytest.mark.parametrize("force", [False, True])
def test_names_that_could_meet_once_the_container_is_known(tmp_path, force):
    footage = tmp_path / "in"
    footage.mkdir()
    for number, name in enumerate(["a.avi", "a.mp4", "a.avi.mp4"]):
        make_video(footage / name, frames=3 + number)
    seen = Seen(footage, tmp_path / "out", force=force)
    outputs = {outcome.output: outcome.report.source["frames"] for outcome in seen.by_name.values()}
    assert sorted(outputs.values()) == [3, 4, 5]
    assert seen.code == 0


@documented("names", "a JPEG called `a.mp4` beside `a.jpg`", "two outputs: `a.mp4.jpg` and `a.jpg`")
def test_a_picture_called_like_a_film_replaces_no_other(tmp_path):
    (tmp_path / "in").mkdir()
    _picture(tmp_path / "in" / "a.mp4")
    _picture(tmp_path / "in" / "a.jpg")
    make_video(tmp_path / "in" / "b.jpg.mp4", frames=2).rename(tmp_path / "in" / "b.jpg")
    make_video(tmp_path / "in" / "b.mp4", frames=3)
    seen = Seen(tmp_path / "in", tmp_path / "out", force=True)
    names = {name: outcome.output and outcome.output.name for name, outcome in seen.by_name.items()}
    assert names == {"a.mp4": "a.mp4.jpg", "a.jpg": "a.jpg", "b.jpg": "b.jpg.mp4", "b.mp4": "b.mp4"}


def test_a_file_that_is_named_twice_is_one_item(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _picture(tmp_path / "a.jpg")
    items = plan_items(["a.jpg", "./a.jpg", str(tmp_path / "a.jpg"), "*.jpg"], "out/")
    assert [item.target for item in items] == [Path("out/a.jpg")]


def test_a_name_that_says_nothing_gets_the_suffix_of_its_container(tmp_path):
    for name, suffix, output in (("clip.bin", ".mp4", "clip.mp4"), ("b", ".jpg", "b.jpg"), ("c.MTS", ".ts", "c.MTS")):
        (tmp_path / name).touch()
        (item,) = plan_items([str(tmp_path / name)], "out/")
        assert fitting(item, suffix) == Path("out") / output


@documented("names", "`0001.jpg` and `0001.png` in one run, `IMG_1.HEIC` and `IMG_1.MOV`", "keep their names")
def test_pairs_that_hold_what_their_names_say_keep_them(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("0001.jpg", "0001.png"):
        make_image(tmp_path / "in" / name)
    make_video(tmp_path / "in" / "0001.mov", frames=2)
    seen = Seen(tmp_path / "in", tmp_path / "out")
    assert {name: outcome.output and outcome.output.name for name, outcome in seen.by_name.items()} == {
        n: n for n in seen.by_name
    }


def test_what_is_no_media_has_no_report_and_no_verdict(tmp_path):
    (tmp_path / "in").mkdir()
    _picture(tmp_path / "in" / "a.jpg")
    (tmp_path / "in" / "a.txt").write_text("0 0.5 0.5 0.1 0.1")
    for _ in range(2):  # the second time it is known
        seen = Seen(tmp_path / "in", tmp_path / "out", reports=Reports(tmp_path / "reports"))
        assert sorted(path.name for path in (tmp_path / "reports").iterdir()) == [
            "a.jpg.report.html",
            "a.jpg.report.json",
            "index.html",
        ]
        assert (seen.code, seen.by_name["a.txt"].left_out) == (0, True)
        assert not seen.by_name["a.txt"].report.created.startswith("1970")


def _device(path):
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root may make device nodes; CI is root")


def _link_to_pipe(path):
    os.mkfifo(path.with_suffix(".fifo"))
    path.symlink_to(path.with_suffix(".fifo").name)


ZONE = ("--targets", "none", "--hide-zone", "0,0 9,0 9,9")
NODES = {"device": _device, "pipe": os.mkfifo, "socket": _socket, "link to a pipe": _link_to_pipe}
COMMANDS = {
    "run": ["run", "a.mp4", "-o", "node.mp4", "--force", *ZONE],
    "detect": ["detect", "a.mp4", "-o", "node.jsonl", "--force", *ZONE],
    "render": ["render", "a.mp4", "--plan", "p.jsonl", "-o", "node.mp4", "--force"],
    "report page": ["report", "page", "a.report.json", "-o", "node.mp4"],
    "report dpia": ["report", "dpia", "a.report.json", "-o", "node.mp4", "--force"],
    "evaluate": ["evaluate", "a.mp4", "a.mp4", "truth.jsonl", "--html", "node.mp4"],
}


@pytest.mark.parametrize(
    ("command", "node"),
    [("run", node) for node in NODES] + [(command, "pipe") for command in COMMANDS if command != "run"],
)
@documented("names", "`-o` on a device, pipe or socket", "refused, with `--force` too")
def test_what_is_no_file_is_never_replaced(tmp_path, command, node):
    clip = make_video(tmp_path / "a.mp4", frames=2)
    if command == "render":
        job.detect(only_item(str(clip), str(tmp_path / "p.jsonl")), settings())
    report.write(Report(verdict=Verdict.PASS), tmp_path / "a.report.json")
    (tmp_path / "truth.jsonl").write_text('{"frame": 0, "subject": "a", "kind": "face", "box": [1, 1, 20, 20]}\n')
    target = tmp_path / {"report dpia": "node.mp4.md", "detect": "node.jsonl"}.get(command, "node.mp4")
    NODES[node](target)
    before = target.lstat()
    done = anonymize(*COMMANDS[command], cwd=tmp_path)
    assert done.returncode == 6, done.stderr
    assert "is never replaced" in done.stderr
    assert (target.lstat().st_mode, target.lstat().st_ino) == (before.st_mode, before.st_ino)


@pytest.mark.parametrize("length", [200, 243, 244, 249, 254, 255])
@documented(
    "names", "names of up to 255 bytes, with `--report`", "done; the report's name is cut, and told apart by a hash"
)
def test_long_names_have_reports_too(tmp_path, length):
    (tmp_path / "in").mkdir()
    long = "ä" * ((length - 4) // 2) + "x" * (length % 2) + ".jpg"
    assert len(os.fsencode(long)) == length
    _picture(tmp_path / "in" / long)
    _picture(tmp_path / "in" / f"{long[:-5]}b.jpg")
    seen = Seen(tmp_path / "in", tmp_path / "out", reports=Reports(tmp_path / "reports"))
    assert seen.code == 0
    counts = [len(list((tmp_path / "reports").glob(pattern))) for pattern in ("*.report.json", "*.report.html")]
    assert counts == [2, 2]


def test_a_report_that_cannot_be_written_ends_no_folder(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        _picture(tmp_path / "in" / name)
    (tmp_path / "reports" / "b.jpg.report.json").mkdir(parents=True)
    seen = Seen(tmp_path / "in", tmp_path / "out", reports=Reports(tmp_path / "reports"))
    assert all(outcome.output for outcome in seen.by_name.values())
    assert [seen.by_name[name].exit_code for name in ("a.jpg", "b.jpg", "c.jpg")] == [0, 6, 0]
    assert "its report could not be written" in seen.by_name["b.jpg"].message
    assert seen.code == 10
    assert (tmp_path / "reports" / "c.jpg.report.json").exists()


@pytest.mark.parametrize("command", ["run", "verify"])
@documented("names", "`--report` into a folder where nothing can be written", "refused before anything is released")
def test_reports_are_prepared_before_anything_is_released(tmp_path, command):
    clip = make_video(tmp_path / "a.mp4", frames=2)
    (tmp_path / "file").touch()
    where = {"run": ("-o", tmp_path / "out.mp4"), "verify": ()}
    done = anonymize(command, clip, *where[command], "--report", tmp_path / "file" / "reports")
    assert done.returncode == 6
    assert "no report can be written in this folder" in done.stderr
    assert not (tmp_path / "out.mp4").exists()


def test_an_output_that_cannot_be_is_refused_before_the_work(tmp_path, monkeypatch):
    clip = make_video(tmp_path / "a.mp4", frames=2)
    (item,) = plan_items([str(clip)], str(tmp_path / "gone" / "out.mp4"))
    monkeypatch.setattr(
        "anonymize.recorded.job.passes.detect", lambda *_: pytest.fail("looked through the video first")
    )
    (outcome,) = batch.run([item], settings())
    assert outcome.exit_code == 6
    assert "does not exist" in outcome.report.error


@pytest.mark.parametrize("make", [lambda path: make_video(path / "a.mp4", frames=2, size=(320, 240)), _noise])
def test_messages_call_an_output_by_its_name_and_not_by_its_hidden_one(tmp_path, make):
    source = make(tmp_path)
    target = tmp_path / f"safe{source.suffix}"

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    done = anonymize("run", source, "-o", target, *ZONE, preexec_fn=limit)
    assert done.returncode == 6, done.stderr
    assert source.name in done.stderr
    assert ".anonymize-" not in done.stderr
    assert not target.exists()
