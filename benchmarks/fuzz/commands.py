"""What is run on a variant of each format, and how it may end."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import anonymize.presets as presets
from anonymize import api, evaluate, plan
from anonymize import report as reports
from anonymize.batch import run as batch
from anonymize.batch.inputs import plan_items
from anonymize.data import Kind, Shape, Silence
from anonymize.evaluate.truth import FrameTruth, Subject, write_truth
from anonymize.kinds import Answer, Raised, Silencing, Topic
from anonymize.live.metrics import Metrics
from anonymize.plan.doubts import Doubt
from anonymize.plan.edits import Arrange, Change, Draw, Hide, Judge, Merge, Place, Remove, Reply, Show, Sound, Split
from anonymize.plan.faint import Faint
from anonymize.plan.reviewed import Sampled, SignOff
from anonymize.report import sign
from anonymize.review.session import EditSession
from anonymize.settings import Settings
from anonymize.text.mapping import to_toml
from benchmarks.fuzz import face, sources
from benchmarks.fuzz.ledgers import ledger_file
from benchmarks.fuzz.media import variant
from benchmarks.fuzz.packets import FORMATS, swapped
from benchmarks.fuzz.texts import comma_text, json_lines, json_text, toml_text

TEXTS = ("plan", "zones", "preset", "cameras", "truth", "ledger", "report")
RUN = frozenset((0, 2, 3, 4, 5, 7))
"""How `run` may end on a hostile file: done, unreadable, damaged, unsupported, failed verification; or the output's
name is of no use, where a picture has become a video. Nothing is wrong with the place of the output or the models."""
CAMERAS = ""
"""In place of a command: cameras are read and checked as `live --config` does, and not started."""
DAMAGED_TOO, VERIFIED, SWAPPED, LISTED = 3, 10, 7, 4
"""Every third variant is run with `--allow-damaged`; every tenth is given to `verify` instead; of videos every seventh
has two packets swapped and nothing else. Of plans every fourth is given to `doubts`."""


@dataclass(frozen=True, slots=True)
class FuzzTrial:
    """One variant, ready to be run.

    Args:
        kind: its format.
        file: the variant.
        done: how it was made, in words.
        command: arguments of `anonymize`; the first is `CAMERAS` where there is none.
        codes: exit codes with which it may end.
        output: where an output may be, if it ends with 0; None where none is made or more than that is.
        faceless: whether the output must not show the face.
        pictures: how many the output must have; None where any number will do.
    """

    kind: str
    file: Path
    done: str
    command: tuple[str, ...]
    codes: frozenset[int]
    output: Path | None = None
    faceless: bool = False
    pictures: int | None = None


def make_good(place: Path, kinds: Collection[str]) -> None:
    """Make the good files of the formats `kinds` in the folder `place`."""
    for kind in set(sources.MEDIA).intersection(kinds):
        for number, data in enumerate(sources.media(f".{kind}")):
            (place / f"{kind}-{number}.{kind}").write_bytes(data)
    if not set(TEXTS).intersection(kinds):
        return
    clip, picture = sources.write_video(place / "clip.mp4", 4), sources.write_picture(place / "picture.png")
    made = api.write_plan(clip, place / "plan.jsonl")
    seen = [one for one in made.doubts if one.track] + [Doubt(0, 0, made.about.frames, Raised.FIND, (0.0, 0.12))]
    _write_plan(replace(made, doubts=tuple(seen)), place / "plan.jsonl")
    api.run(clip, place / "clip-safe.mp4")
    account = api.run(picture, place / "picture-safe.png")
    reports.write(account, place / "report.json")
    shutil.copy(place / "report.json", place / "signed.json")
    sign.keygen(place / "key", "")
    sign.sign_file(place / "signed.json", place / "key", "")
    (place / "camera.json").write_text(json.dumps(Metrics("gate").snapshot()))
    corners = [[10, 10], [90, 10], [90, 90]]
    zone = {"polygon": corners, "span": {"start": "0", "end": "10"}}
    zones = {"zones": [zone, {"polygon": corners}], "spared": []}
    (place / "zones.json").write_text(json.dumps(zones))
    (place / "preset.toml").write_text('whom = "tests"\n' + to_toml(presets.load("default").settings))
    (place / "cameras.toml").write_text(_CAMERAS)
    _make_truth(place, made.about.frames)
    pairs = evaluate.pairs(clip, place / "clip-safe.mp4", place / "truth.jsonl", Kind.FACE)
    total = evaluate.combine(found for _, found in evaluate.evaluate_pairs(pairs))
    (place / "evaluation.json").write_text(json.dumps({"event": "total", "files": 1, **total.as_dict()}))
    inputs = place / "inputs"
    inputs.mkdir()
    shutil.copy(picture, inputs / "a.png")
    (inputs / "b.png").write_bytes(picture.read_bytes()[:3000])
    batch.run(plan_items([str(inputs)], f"{place / 'outputs'}/"), Settings())


def _write_plan(made: plan.Plan, path: Path) -> None:
    """Write a plan that has a line of every sort; none of them uncovers the face."""
    box, frames = (2.0, 2.0, 20.0, 20.0), made.about.frames
    silence, faint = Silence(0.04, 0.12, Silencing.BLEEP), Faint(1, Kind.FACE, 1, (box,), 1, 0.3)
    plan.write(replace(made, cuts=(1, 2), silences=(silence,), faint=(faint,)).marked(), path)
    with EditSession(path, "desk 2") as session:
        new = session.edited.unused()
        for edit in (
            Draw(new, (0, frames), box, Kind.FACE),
            Draw(new + 1, (0, frames), box, polygon=((2.0, 2.0), (20.0, 2.0), (2.0, 20.0)), shape=Shape.POLYGON),
            Place(new, 1, ((3.0, 2.0, 21.0, 20.0),)),
            Change(new, Kind.PLATE, Shape.BOX),
            Split(new, 2, new + 2),
            Merge(new, new + 2),
            Remove(new, (0, 1)),
            Show(new, (2, 3), "form 12", version="court"),
            Hide(new, "court"),
            Sound((0.0, 0.02), Silencing.MUTE),
            Reply(new + 3, Topic.FAINT, 1, (1, 2), Answer.HIDE, (box,)),
            Judge(0, Answer.HIDE, "desk 2"),
            Arrange(new + 3, 0),
            Arrange(new + 3),
        ):
            session.do(edit)
        session.undo()
        session.redo()
        session.note(Sampled(frames, 0, 0.0, "desk 2"))
        session.note(SignOff("A. K.", "5f0c", 1.0, 1, 0))


def make_trial(kind: str, seed: int, number: int, good: Path, place: Path) -> FuzzTrial:
    """Make variant `number` of a format in the empty folder `place`, from the good files in `good`.

    -1 and -2 are the good files themselves.
    """
    rng = random.Random(f"{seed} {kind} {number}")
    if kind in sources.MEDIA:
        return _medium(kind, rng, number, good, place)
    return _TEXTS[kind](rng, number, good, place)


def _medium(kind: str, rng: random.Random, number: int, good: Path, place: Path) -> FuzzTrial:
    files = [(good / f"{kind}-{i}.{kind}").read_bytes() for i in range(2)]
    swap = kind in FORMATS and number >= 0 and number % SWAPPED == 0
    if swap:
        data, done = swapped(kind, files[number // SWAPPED % 2], rng)
    else:
        data, done = variant(kind, files, rng) if number >= 0 else (files[number], "nothing")
    file = place / f"variant.{kind}"
    file.write_bytes(data)
    if number >= 0 and number % VERIFIED == VERIFIED - 1:
        return FuzzTrial(kind, file, done, ("verify", str(file)), RUN | {11})
    output = place / "out" / f"safe.{'mp4' if kind == 'avi' else kind}"
    output.parent.mkdir()
    more = ("--allow-damaged",) if number >= 0 and number % DAMAGED_TOO == DAMAGED_TOO - 1 else ()
    pictures = sources.FRAMES if swap and not more else None  # what is lost otherwise is said
    command = ("run", str(file), "-o", str(output), *more)
    return FuzzTrial(kind, file, done, command, RUN, output, faceless=True, pictures=pictures)


Mutate = Callable[[str, random.Random], tuple[bytes, str]]


def _text(file: Path, good: Path, mutate: Mutate, rng: random.Random, number: int) -> str:
    """Write a variant of `good` to `file`; what was done."""
    text = good.read_text(encoding="utf-8")
    data, done = mutate(text, rng) if number >= 0 else (text.encode(), "nothing")
    file.write_bytes(data)
    return done


def _plan(rng: random.Random, number: int, good: Path, place: Path) -> FuzzTrial:
    file = place / "variant.jsonl"
    done = _text(file, good / "plan.jsonl", json_lines, rng, number)
    if number >= 0 and number % LISTED == LISTED - 1:
        return FuzzTrial("plan", file, done, ("doubts", str(file), "--list"), frozenset((0, 9, 11)))
    output = place / "out" / "safe.mp4"
    output.parent.mkdir()
    command = ("render", str(good / "clip.mp4"), "--plan", str(file), "-o", str(output))
    return FuzzTrial("plan", file, done, command, frozenset((0, 7, 9)), output)


def _zones(rng: random.Random, number: int, good: Path, place: Path) -> FuzzTrial:
    file = place / "variant.json"
    done = _text(file, good / "zones.json", json_text, rng, number)
    output = place / "out" / "safe.png"
    output.parent.mkdir()
    command = ("run", str(good / "picture.png"), "--hide-zone", str(file), "-o", str(output))
    return FuzzTrial("zones", file, done, command, frozenset((0, 2, 7)), output, faceless=True)


def _preset(rng: random.Random, number: int, good: Path, place: Path) -> FuzzTrial:
    file = place / "variant.toml"
    done = _text(file, good / "preset.toml", toml_text, rng, number)
    if number % 2:
        return FuzzTrial("preset", file, done, ("presets", "show", str(file)), frozenset((0, 2)))
    output = place / "out" / "safe.png"
    output.parent.mkdir()
    command = ("run", str(good / "picture.png"), "--preset", str(file), "-o", str(output))
    return FuzzTrial("preset", file, done, command, frozenset((0, 2, 5, 7, 8)), output)


def _cameras(rng: random.Random, number: int, good: Path, place: Path) -> FuzzTrial:
    file = place / "cameras.toml"
    done = _text(file, good / "cameras.toml", toml_text, rng, number)
    return FuzzTrial("cameras", file, done, (CAMERAS, str(file)), frozenset((0, 2)))


def _truth(rng: random.Random, number: int, good: Path, place: Path) -> FuzzTrial:
    ways: tuple[tuple[str, Mutate], ...] = (
        ("truth.jsonl", json_lines),
        ("truth.json", json_text),
        ("truth.txt", comma_text),
    )
    name, mutate = ways[number % 3]
    file = place / name
    done = _text(file, good / name, mutate, rng, number)
    command = ("evaluate", str(good / "clip.mp4"), str(good / "clip-safe.mp4"), str(file))
    return FuzzTrial("truth", file, done, command, frozenset((0, 2, 3)))


def _ledger(rng: random.Random, number: int, good: Path, place: Path) -> FuzzTrial:
    outputs = Path(shutil.copytree(good / "outputs", place / "outputs"))
    file = outputs / ".anonymize.sqlite"
    done = ledger_file(file, rng) if number >= 0 else "nothing"
    if number % 2:
        return FuzzTrial("ledger", file, done, ("status", str(outputs)), frozenset((0, 6, 10, 14, 15, 16)))
    command = ("run", str(good / "inputs"), "-o", f"{outputs}/")
    return FuzzTrial("ledger", file, done, command, frozenset((6, 10, 14)))


def _report(rng: random.Random, number: int, good: Path, place: Path) -> FuzzTrial:
    name, *command = (
        ("report", "page", "-o", str(place / "page.html")),
        ("signed", "check"),
        ("report", "dpia", "-o", str(place / "annex")),
        ("evaluation", "dpia", "-o", str(place / "annex")),
        ("camera", "dpia", "-o", str(place / "annex")),
    )[number % 5]
    file = place / "report.json"
    done = _text(file, good / f"{name}.json", json_text, rng, number)
    return FuzzTrial("report", file, done, ("report", command[0], str(file), *command[1:]), frozenset((0, 12)))


def _make_truth(place: Path, frames: int) -> None:
    boxes = [(82.0 + 4 * i, 92.0 + i, 122.0 + 4 * i, 144.0 + i) for i in range(frames)]
    rows = [
        FrameTruth(i, i / sources.RATE, face.SIZE, (Subject(0, Kind.FACE, box, 52.0),)) for i, box in enumerate(boxes)
    ]
    write_truth(place / "truth.jsonl", rows)
    images = [{"id": i, "file_name": f"{i}.png", "width": face.SIZE[0], "height": face.SIZE[1]} for i in range(frames)]
    annotations = [
        {"id": i, "image_id": i, "category_id": 1, "bbox": [x0, y0, x1 - x0, y1 - y0], "track_id": 0}
        for i, (x0, y0, x1, y1) in enumerate(boxes)
    ]
    coco = {"images": images, "categories": [{"id": 1, "name": "face"}], "annotations": annotations}
    (place / "truth.json").write_text(json.dumps(coco))
    lines = [f"{i + 1},1,{x0},{y0},{x1 - x0},{y1 - y0},1,1,1" for i, (x0, y0, x1, y1) in enumerate(boxes)]
    (place / "truth.txt").write_text("\n".join(lines) + "\n")


_TEXTS: Mapping[str, Callable[[random.Random, int, Path, Path], FuzzTrial]] = {
    "plan": _plan,
    "zones": _zones,
    "preset": _preset,
    "cameras": _cameras,
    "truth": _truth,
    "ledger": _ledger,
    "report": _report,
}
_CAMERAS = """
preset = "municipal"
metrics = 9464
[cameras.market]
source = "rtsp://user:secret@127.0.0.1/stream1"
to = ["rtsp://127.0.0.1:8554/market", "record:recordings/market"]
keep = "7d"
quality = 23
segment = 60.0
audio = "mute"
[cameras.market.settings]
targets = ["faces"]
zones = [{ polygon = [[0, 0], [300, 0], [300, 200], [0, 200]] }]
[cameras.market.settings.detect]
min_face = 20
[cameras.gate]
source = "gate.mp4"
loop = true
to = ["hls:gate"]
"""
