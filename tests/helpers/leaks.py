"""Good outputs with what leaks planted into them, made from the moving face of `conftest`."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np

from anonymize import report
from anonymize.data import Kind, Region, Shape, Timestamps, Why
from anonymize.media import open_sink, open_source
from anonymize.plan import About, Plan, Regions
from anonymize.redact import Memory, redact
from anonymize.settings import Output, Redact, Settings, Style
from anonymize.track import outline
from anonymize.verify import Evidence, Wanted
from tests.conftest import face_box


def good_plan(clip: Path, style: Style = Style.SOLID, *, size: tuple[int, int] = (320, 240)) -> Plan:
    """A plan that hides the face on every frame."""
    with open_source(clip) as source:
        frames = sum(1 for _ in source.frames())
    looks = Redact(face=replace(Redact().face, style=style))
    rows = []
    for index in range(frames):
        x0, y0, x1, y1 = face_box(index)
        box = outline((float(x0), float(y0), float(x1), float(y1)), looks.face, *size)
        rows.append((index, index + 1, Region(box, Kind.FACE, Why.DETECTED, track=0, shape=Shape.ELLIPSE)))
    return Plan(About(report.sha256(clip), frames, *size, replace(Settings(), redact=looks)), Regions(rows))


def rendered(clip: Path, plan: Plan, target: Path, leaking: Collection[int] = (), quality: int = 20) -> Path:
    """`plan` drawn on `clip`, but for the frames `leaking`, on which the face is as it was."""
    memory = Memory()
    output = Output(speed="ultrafast", quality=quality)
    with open_source(clip) as source, open_sink(target, source, output) as sink:
        for frame in source.frames():
            drawn = frame.writable()
            redact(drawn.planes, plan.at(frame.index), plan.about.redact, memory)
            if frame.index in leaking:
                x0, y0, x1, y1 = face_box(frame.index)
                for after, before in zip(drawn.planes, frame.planes, strict=True):
                    part = np.s_[y0 // after.step[1] : y1 // after.step[1], x0 // after.step[0] : x1 // after.step[0]]
                    after.pixels[part] = before.pixels[part]
            sink.write(drawn)
        sink.finish()
    return target


def evidence(clip: Path, plan: Plan | None) -> Evidence:
    """Everything that is known of an output of `clip`; its source stays open, as files do."""
    source = open_source(clip)
    times = Timestamps()
    for frame in source.frames():
        times.append(frame)
    return Evidence(Wanted.of(source, times), source, plan)
