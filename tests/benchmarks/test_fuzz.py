"""The fuzzer: that it sees what must not be, that its variants can be made again, and that they are variants."""

import io
import json
import random
import re
import subprocess
import sys

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from benchmarks.fuzz import face, sources
from benchmarks.fuzz.commands import TEXTS, make_trial
from benchmarks.fuzz.media import variant
from benchmarks.fuzz.packets import FORMATS, swapped
from benchmarks.fuzz.parts import FAMILIES, everything
from benchmarks.fuzz.texts import json_text, toml_text

QUICK = ("mp4", "mkv", "avi", "ts", "png", "jpg", "gif", "tif", "webp")
GOOD = {kind: sources.media(f".{kind}") for kind in QUICK}


def test_the_face_shows_however_it_lies_and_not_where_it_is_covered(tmp_path):
    def shown(picture):
        path = tmp_path / "a.png"
        Image.fromarray(np.ascontiguousarray(picture)).save(path)
        return face.shows(path)

    whole = face.pictures(1)[0]
    assert shown(whole) > 0.95
    assert shown(np.rot90(whole)) > 0.95
    assert shown(255 - whole[:, ::-1]) > 0.95
    for half in (np.s_[60:118, :], np.s_[118:180, :], np.s_[:, 40:102], np.s_[:, 102:160]):
        covered = whole.copy()
        covered[half] = 0
        assert shown(covered) > face.SHOWN, half
    oval = cv2.ellipse(whole.copy(), (102, 118), (40, 50), 0, 0, 360, (0, 0, 0), -1)
    assert shown(oval) < face.SHOWN - 0.08
    assert shown(np.zeros_like(whole)) == 0


@pytest.mark.parametrize("kind", QUICK)
def test_a_container_taken_apart_and_put_together_is_the_same(kind):
    family = FAMILIES[kind]
    for good in GOOD[kind]:
        parts = family.take(good)
        assert len(list(everything(parts))) > 3
        again = family.joined(parts)
        if kind != "mkv":  # sizes of elements are all written in eight bytes
            assert again == good
        names = [held[index].name for held, index in everything(parts)]
        assert [held[index].name for held, index in everything(family.take(again))] == names


@pytest.mark.parametrize("kind", QUICK)
def test_variants_differ_and_can_be_made_again(kind):
    made = [variant(kind, GOOD[kind], random.Random(f"0 {kind} {number}")) for number in range(40)]
    again = [variant(kind, GOOD[kind], random.Random(f"0 {kind} {number}")) for number in range(40)]
    assert made == again
    assert len({data for data, _ in made} - set(GOOD[kind])) > 30


def _held(data):
    """What the packets of the pictures of a video hold."""
    with av.open(io.BytesIO(data), "r") as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


@pytest.mark.parametrize("kind", ["mp4", "mkv", "avi", "ts"])
def test_two_packets_change_places_within_a_group_and_across(kind):
    good, across, marks = GOOD[kind][0], set(), set()
    before = _held(swapped(kind, good, random.Random(0))[0])
    for number in range(12):
        data, done = swapped(kind, good, random.Random(number))
        assert data == swapped(kind, good, random.Random(number))[0]
        one, other = map(int, re.findall(r"\d+", done))
        after = _held(data)
        assert len(after) == sources.FRAMES
        assert sorted(after) == sorted(before)
        assert one != other
        across.add(one // 6 != other // 6)
        marks.add("marks" in done)
    assert across == marks == {True, False}


def test_variants_of_texts_hold_what_writers_refuse():
    held = [json_text(json.dumps({"a": [1, 2.5, {"b": "c"}], "d": None}), random.Random(n))[0] for n in range(300)]
    held += [toml_text('a = 1\n[b]\nc = [1, 2]\nd = "e"', random.Random(n))[0] for n in range(300)]
    for wanted in (b"NaN", b"1e309", b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b"[" * 500, b"9" * 5000, b"x" * 100_000):
        assert any(wanted in data for data in held), wanted[:20]
    assert any(re.search(rb'("a": .*){2}|(a = .*\n?){2}', data) for data in held)


def _fault(tmp_path, command, codes=(0,)):
    """What the fuzzer says of a command on a picture of the face, in a process of its own."""
    (tmp_path / "out").mkdir(parents=True)
    source, output = sources.write_picture(tmp_path / "a.png"), tmp_path / "out" / "a.png"
    arguments = [part.format(source=source, output=output) for part in command]
    script = (
        "import sys, json; from pathlib import Path;"
        "from benchmarks.fuzz import worker; from benchmarks.fuzz.commands import FuzzTrial;"
        "source, output, codes, *command = sys.argv[1:];"
        "trial = FuzzTrial('png', Path(source), '', tuple(command), frozenset(json.loads(codes)), Path(output), True);"
        "print(json.dumps(worker._run(trial, 1)[0].fault))"
    )
    given = [str(source), str(output), json.dumps(codes), *arguments]
    done = subprocess.run([sys.executable, "-c", script, *given], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_face_that_shows_is_a_fault_as_are_codes_and_leftovers(tmp_path):
    bare = ["run", "{source}", "-o", "{output}", "--targets", "none", "--hide-zone", "0,0 5,0 5,5"]
    assert _fault(tmp_path / "a", ["run", "{source}", "-o", "{output}"]) == ""
    assert re.fullmatch(r"the face shows \(1\.00\)", _fault(tmp_path / "b", bare))
    assert _fault(tmp_path / "c", ["run", "{source}"]) == "exit code 2"
    other = ["run", "{source}", "-o", "{output}x.png"]
    assert _fault(tmp_path / "d", other) == "left a.pngx.png"


def test_a_video_that_lacks_a_picture_is_a_fault(tmp_path):
    (tmp_path / "out").mkdir()
    source, output = sources.write_video(tmp_path / "a.mp4", 5), tmp_path / "out" / "a.mp4"
    command = ("run", str(source), "-o", str(output), "--targets", "none", "--hide-zone", "0,0 5,0 5,5")
    script = (
        "import sys; from pathlib import Path; from benchmarks.fuzz import worker;"
        "from benchmarks.fuzz.commands import FuzzTrial; source, output, count, *command = sys.argv[1:];"
        "trial = FuzzTrial('mp4', Path(source), '', tuple(command), frozenset((0,)), Path(output), True, int(count));"
        "print(worker._run(trial, 1)[0].fault)"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", script, str(source), str(output), count, *command, "--force"],
            capture_output=True, text=True, timeout=200, check=True,
        ).stdout
        for count in ("5", "6")
    ]  # fmt: skip
    assert "pictures" not in said[0]
    assert "5 pictures, of 6" in said[1]


def test_few_variants_of_two_formats_end_well(tmp_path):
    command = [sys.executable, "-m", "benchmarks.fuzz", "--only", "gif,cameras", "--count", "3", "--texts", "3"]
    done = subprocess.run(
        [*command, "--workers", "1", "--keep", str(tmp_path / "kept")], capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| gif | 3 |" in done.stdout
    assert "| cameras | 3 |" in done.stdout
    assert "6 variants, seed 0" in done.stdout
    assert not (tmp_path / "kept").exists()


def test_every_format_has_variants_and_a_command(tmp_path):
    for kind in QUICK:
        for number, data in enumerate(GOOD[kind]):
            (tmp_path / f"{kind}-{number}.{kind}").write_bytes(data)
        place = tmp_path / kind
        place.mkdir()
        trial = make_trial(kind, 0, 1, tmp_path, place)
        assert trial.file.read_bytes() not in GOOD[kind]
        assert trial.command[:2] == ("run", str(trial.file))
        if kind in FORMATS:
            (place / "swapped").mkdir()
            trial = make_trial(kind, 0, 0, tmp_path, place / "swapped")
            assert "swapped" in trial.done
            assert trial.pictures == sources.FRAMES
    assert set(FAMILIES) == set(sources.MEDIA)
    assert len(sources.MEDIA) >= 10
    assert len(TEXTS) == 7
