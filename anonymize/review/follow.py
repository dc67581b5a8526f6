"""A box that a person drew, followed through the pictures until it is lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from anonymize.data import Box, Frame
from anonymize.track.associate import grown
from anonymize.track.history import Carried, Drift, MotionSample
from anonymize.track.motion import carry
from anonymize.track.subject import MOST_GROWTH

_BLIND = 0.5
"""Seconds without a picture that shows where it went, after which it is lost."""


def followed(frames: Iterable[Frame], box: Box) -> Iterator[Box]:
    """The box on every frame after the first of `frames`, until it leaves the picture, is lost, or a scene ends.

    Args:
        frames: successive ones, in either direction of time; on the first it is `box`.
        box: in upright pixels.

    Yields:
        boxes, grown by how far they may be off.
    """
    before: MotionSample | None = None
    now, drift, doubt, blind = np.array([box], np.float64), Drift(), 0.0, 0.0
    for frame in frames:
        after = MotionSample.of(frame, None)
        if before is not None:
            step = after.step_from(before)
            if step.cut:
                return
            moved, own, sure = carry(before.working, after.working, step, now * before.scale)
            elapsed = abs(after.time - before.time)
            size = (float(frame.width), float(frame.height))
            carried = Carried(moved / after.scale, own / after.scale[:2], sure, elapsed, size)
            place, more, inside = carried.step(0, drift)
            blind = 0.0 if sure[0] else blind + elapsed
            if not inside or blind > _BLIND:
                return
            now, doubt = place[None], min(doubt + more, MOST_GROWTH)
            x0, y0, x1, y1 = grown(now, np.array([doubt]))[0].tolist()
            yield x0, y0, x1, y1
        before = after
