"""What can be known before the first frame is said before the first frame."""

import json
import os
import shutil
import socket
import struct
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from anonymize import media
from tests.cli.test_cli import anonymize, in_this_process
from tests.helpers.media import make_image, make_video

LATE = "meets no frame: its last frame is shown at 0:00.2"
MISTAKES = {
    "exists": ("run film.ts -o there.mp4", 6, "exists already"),
    "no folder": ("run film.ts -o gone/x.ts", 6, "gone: this folder does not exist"),
    "a file for a folder": ("run film.ts -o there.mp4/x.ts", 6, "there.mp4"),
    "unwritable": ("run film.ts -o /proc/x.ts", 6, "/proc"),
    "report in a file": ("run film.ts -o x.ts --report there.mp4", 6, "no report can be written"),
    "unwritable report": ("run film.ts -o x.ts --report /proc/x", 6, "no report can be written"),
    "not written": (
        "run film.ts -o x.avi",
        2,
        "not written as .avi, but as .mp4, .m4v, .mov, .mkv, .webm or .ts: write -o x.ts",
    ),
    "no suffix": ("run film.mkv -o x", 2, "x: a name without a suffix selects no format: write -o x.mkv, or -o x/"),
    "no suffix, and the film's name": ("run film.ts -o film", 2, "write -o film-safe.ts, or -o film/"),
    "a dot": ("run film.ts -o x.", 2, "write -o x.ts"),
    "a dot before": ("run film.ts -o .ts", 2, "write -o .ts.ts"),
    "a version": ("run film.ts -o v1.2", 2, "write -o v1.ts"),
    "of a plan": ("render film.ts --plan film.jsonl -o x", 2, "write -o x.ts"),
    "a picture without a suffix": ("run cat.png -o x", 2, "write -o x.png, or -o x/"),
    "a picture as a film": ("run cat.png -o x.mp4", 2, "a picture is not written as .mp4"),
    "a film as a picture": ("run film.ts -o x.png", 2, "a video is not written as .png"),
    "one name for two": (
        "run film.ts film.mkv -o x.mp4",
        2,
        "names one file, but the outputs of a folder or of several",
    ),
    "one name for a folder": ("run . -o x.mp4", 2, "need a folder: write -o x/"),
    "a device": ("run film.ts -o /dev/null", 6, "a device or a pipe, which is never replaced"),
    "hidden too late": ("run film.ts -o x.ts --hide-span 9-", 2, LATE),
    "in Matroska": ("run film.mkv -o x.mkv --hide-span 9-", 2, LATE),
    "shown too late": ("run film.ts -o x.ts --show-outside 9-10", 2, LATE),
    "a person too late": ("run film.ts -o x.ts --show-person 9,9@9 --reason why", 2, "no frame is shown then"),
    "a zone outside": ("run film.ts -o x.ts --hide-zone zone.json", 2, "outside the picture"),
    "of a picture": ("run cat.png -o x.png --hide-span 9-", 2, "meets no frame"),
    "plan exists": ("detect film.ts -o film.jsonl", 6, "exists already"),
    "no folder for a plan": ("detect film.ts -o gone/x.jsonl", 6, "gone: this folder does not exist"),
    "planned too late": ("detect film.ts -o x.jsonl --hide-span 9-", 2, LATE),
    "render exists": ("render film.ts --plan film.jsonl -o there.mp4", 6, "exists already"),
    "render unwritable": ("render film.ts --plan film.jsonl -o gone/x.ts", 6, "gone: this folder does not exist"),
    "render a person": (
        "render film.ts --plan film.jsonl -o x.ts --show-person 9,9@9 --reason why",
        2,
        "no frame is shown then",
    ),
    "report of a render": ("render film.ts --plan film.jsonl -o x.ts --report there.mp4", 6, "no report can be"),
    "report of a check": ("verify film.ts --report there.mp4", 6, "no report can be written"),
    "page of numbers": ("evaluate film.ts film.ts film.jsonl --html there.mp4/x.html", 6, "there.mp4"),
    "recording": ("live film.ts --to record:/proc/x", 6, "/proc/x"),
    "recording in a file": ("live film.ts --to record:there.mp4", 6, "there.mp4"),
    "playlist": ("live film.ts --to hls:/proc/x", 6, "/proc/x"),
    "one of two": ("live film.ts --to hls:ok --to hls:there.mp4", 6, "there.mp4"),
    "port of metrics": ("live film.ts --to hls:ok --metrics PORT", 2, "in use; name another"),
    "port of the page": ("live film.ts --to hls:ok --preview PORT", 2, "in use; name another"),
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with a film in two containers, a picture, a plan, a report, and a file that is in the way."""
    desk = tmp_path_factory.mktemp("desk")
    for name in ("film.ts", "film.mkv"):
        make_video(desk / name, frames=8)
    make_image(desk / "cat.png")
    (desk / "there.mp4").write_bytes(b"precious")
    (desk / "zone.json").write_text('[{"polygon": [[900, 900], [950, 900], [950, 950]]}]')
    zone = ("-t", "none", "--hide-zone", "0,0 20,0 20,20")
    assert anonymize("detect", "film.ts", "-o", "film.jsonl", *zone, cwd=desk).returncode == 0
    return desk


@pytest.mark.parametrize("mistake", MISTAKES)
def test_it_is_said_before_the_first_frame(desk, mistake, monkeypatch, capsys):
    command, code, words = MISTAKES[mistake]
    monkeypatch.chdir(desk)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        arguments = command.replace("PORT", str(taken.getsockname()[1])).split()
        arguments += ["--json"]
        if arguments[0] == "live":  # it hides its arguments, and takes over signals
            done = anonymize(*arguments)
            ended, told = done.returncode, done.stdout + done.stderr
        else:
            ended, *said = in_this_process(arguments, monkeypatch, capsys)
            told = "".join(said)
    assert (ended, words in told) == (code, True), told
    for line in (line for line in told.splitlines() if line.startswith("{")):
        event = json.loads(line)
        assert event["event"] != "progress"
        assert event.get("stage") != "detector"
    assert (desk / "there.mp4").read_bytes() == b"precious"


@pytest.mark.parametrize("name", ["film.ts", "film.mkv", "cat.png"])
def test_times_are_known_before_a_frame_is_decoded(desk, name):
    with media.open_source(desk / name) as source:
        announced = media.announced(source)
        assert announced is not None
        assert list(announced) == [Fraction(frame.pts) * frame.time_base for frame in source.frames()]


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="needs a small disk that holds sparse files")
def test_a_disk_that_is_surely_too_small_is_reported_with_both_numbers(desk, tmp_path, monkeypatch, capsys):
    with TemporaryDirectory(dir="/dev/shm") as small:
        film = make_video(Path(small) / "film.mp4", frames=8)
        free, end = shutil.disk_usage(small).free, film.stat().st_size
        with film.open("ab") as file:
            file.write(struct.pack(">I4sQ", 1, b"free", 2000 * free))
        os.truncate(film, end + 2000 * free)  # a hole, which takes no room
        ended, *said = in_this_process(["run", film, "-o", f"{small}/x.mp4", "--json"], monkeypatch, capsys)
        told = "".join(said)
        assert ended == 6, told
        assert f"has {free / 1e6:,.1f} MB free" in told
        assert "takes at least" in told
        assert '"progress"' not in told
