"""Detection on the frames of a video that runs only where something changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymize.aspect import PerShape, stored
from anonymize.data import Detections, Frame, Kind, readings, seconds
from anonymize.detect.changes import BLOCK, Changes, Mask
from anonymize.detect.concurrency import IN_THIS_THREAD, combined, done
from anonymize.detect.context.judging import Said
from anonymize.detect.detector import Detector
from anonymize.detect.merge import SAME, alike, fuse, without_holders
from anonymize.detect.multiscale import GROUPS, HALF_STEP, Part, detect, detect_in_shape, in_stored_pixels, sees_parts
from anonymize.detect.places import MARGINS, WIDE, Margins, Place, dilated, pixels_around, places
from anonymize.detect.text.matching import Matcher
from anonymize.settings import Settings

RESCORING = 0.25
"""Weight of the latest detection of something that stands still in its score."""

MOST_QUIET = 300
"""The most finds below the least score that a result has, the best ones: noise can give thousands."""

NEVER = Fraction(-(10**9))
"""Seconds; long before any frame is shown."""

DetectIn = Callable[[Frame, Part | None], Future[Detections]]
"""Detects in a frame or a part of it; the finds are in pixels of the frame."""


@dataclass(frozen=True, slots=True, eq=False)
class DetectionResult:
    """The finds on one frame.

    Args:
        index: of the frame.
        time: when it is shown, in seconds.
        finds: in upright pixels of the frame.
        share: of the frame on which the detectors ran, because it had changed.
        quiet: finds below the least score, where they are asked for; only new ones.
        around: what another network says of weak finds and heads, where it is asked.
        parts: whether a find may be a part of something larger, since some scales had no turn.
        confirmed: (N,) which finds count whatever their score, as another network is sure of them; if None, none does.
    """

    index: int
    time: Fraction
    finds: Detections
    share: float = 1.0
    quiet: Detections = field(default_factory=Detections.empty)
    around: Said = field(default_factory=Said)
    parts: bool = False
    confirmed: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class KnownFinds:
    """The finds in a picture, new or unchanged.

    Args:
        finds: in its pixels.
        share: of the picture on which the detectors ran.
    """

    finds: Detections
    share: float


class ScaleScheduler:
    """Runs detectors on frames in each of their display shapes, and remembers what they found at each scale.

    Args:
        detectors: all of them run.
        settings: targets, smallest sizes, and intervals.
        executor: runs them.
        whole_every: seconds within which detectors run on the whole picture once more; by default `max_gap`.
        quiet: whether results have the finds below the least score, too.
    """

    def __init__(
        self,
        detectors: Sequence[Detector],
        settings: Settings,
        executor: Executor = IN_THIS_THREAD,
        whole_every: float | None = None,
        *,
        quiet: bool = False,
    ) -> None:
        every = settings.follow.max_gap if whole_every is None else whole_every
        self._matcher = Matcher.of(settings, detectors)
        self._heard: dict[int, list[tuple[Frame, Detections]]] = {}
        listen = self._hear if quiet else None
        self._shapes = PerShape(lambda: _InShape(detectors, settings, executor, Fraction(str(every)), listen))
        self._detect = partial(
            detect, detectors=detectors, wanted=settings.detect, targets=settings.targets, executor=executor
        )

    def detect(self, frame: Frame, groups: Collection[int]) -> Future[DetectionResult]:
        """The finds that `anonymize.detect.detect` would give for `frame`, with those known at other scales.

        Args:
            frame: later than the last one.
            groups: of scales at which detectors run.
        """
        shapes, others = self._shapes.of(frame), readings(frame)
        begun: list[Future[Any]] = []
        for picture, shape in shapes:
            ran = {each: each.detect(picture, whole) for each, whole in shape.due(picture, groups)}
            begun.append(shape.known(picture, ran))
        also = [self._detect(reading.frame) for reading in others]
        index, time = frame.index, seconds(frame)
        pictures = [picture for picture, _ in shapes]

        def merged(parts: list[Any]) -> DetectionResult:
            known, apart = parts[: len(pictures)], parts[len(pictures) :]
            finds = [in_stored_pixels(frame, [(at, one.finds) for at, one in zip(pictures, known, strict=True)])]
            finds += [reading.back(found) for reading, found in zip(others, apart, strict=True)]
            whole = finds[0] if len(finds) == 1 else without_holders(fuse(Detections.concatenate(finds)))
            heard = [stored(found, at, frame) for at, found in self._heard.pop(index, [])]
            quiet = Detections.concatenate([Detections.empty(), *heard])
            quiet = fuse(quiet.select(np.argsort(-quiet.score, kind="stable")[:MOST_QUIET]))
            if self._matcher:
                quiet = quiet.select(quiet.kind != Kind.TEXT)
            share = max(one.share for one in known)
            return DetectionResult(index, time, self.meant(frame, whole), share, quiet, parts=sees_parts(groups))

        return combined([*begun, *also], merged)

    def meant(self, frame: Frame, found: Detections) -> Detections:
        """`found` on `frame` without text that the settings leave visible."""
        return self._matcher.hidden(frame, found) if self._matcher else found

    def _hear(self, picture: Frame, found: Detections) -> None:
        self._heard.setdefault(picture.index, []).append((picture, found))


class _InShape:
    """What is known of a picture in one display shape: one `IncrementalDetector` for each group of scales.

    At least once every `whole_every`, detectors run on the whole picture, changed or not. While it stands still, they
    do so at the scales for which that is longest ago, including those half a step below: detecting again at the same
    scales would only find the same again.

    Args:
        detectors: all of them run.
        settings: targets, smallest sizes, and intervals.
        executor: runs them.
        whole_every: in seconds.
        quietly: see `detect_in_shape`.
    """

    def __init__(
        self,
        detectors: Sequence[Detector],
        settings: Settings,
        executor: Executor,
        whole_every: Fraction,
        quietly: Callable[[Frame, Detections], None] | None = None,
    ) -> None:
        def at(group: int, factor: float) -> IncrementalDetector:
            return IncrementalDetector(
                partial(
                    detect_in_shape,
                    detectors=detectors,
                    wanted=settings.detect,
                    targets=settings.targets,
                    groups={group},
                    factor=factor,
                    executor=executor,
                    quietly=quietly,
                ),
                MARGINS.get(group, WIDE),
            )

        self._groups = {group: at(group, 1.0) for group in sorted(GROUPS)}
        self._all = [*self._groups.values(), *(at(group, HALF_STEP) for group in sorted(GROUPS))]
        self._whole_every = whole_every
        self._at = NEVER

    def due(self, picture: Frame, groups: Collection[int]) -> Iterator[tuple[IncrementalDetector, bool]]:
        """What must run on `picture`, and whether on the whole of it; each is to run before the next is taken.

        Args:
            picture: the next one.
            groups: of scales whose turn it is.
        """
        yield from ((each, False) for group, each in self._groups.items() if group in groups)
        time = seconds(picture)
        wait, self._at = time - self._at, time
        last = max(each.whole_at for each in self._all)
        # If the next frame is as far away as the last one was, it would come too late.
        if last != time and time - last + wait > self._whole_every:
            yield min(self._all, key=lambda each: each.whole_at), True

    def known(self, picture: Frame, ran: Mapping[IncrementalDetector, Future[KnownFinds]]) -> Future[KnownFinds]:
        """The finds of those that `ran` on `picture`, and what the others know of it."""
        others = [each.known(picture) for each in self._all if each not in ran]

        def merged(parts: list[KnownFinds]) -> KnownFinds:
            finds = Detections.concatenate([part.finds for part in parts])
            return KnownFinds(without_holders(fuse(finds)), min(part.share for part in parts[: len(ran)]))

        return combined([*ran.values(), *others], merged)


class IncrementalDetector:
    """Detects on successive frames, only where they changed: elsewhere detectors would find the same again.

    Detectors run on the whole picture if so much of it changed that this costs no more, as when the camera moves.

    Args:
        detect_in: runs the detectors.
        margins: around what changed.
    """

    def __init__(self, detect_in: DetectIn, margins: Margins = WIDE) -> None:
        self._detect_in = detect_in
        self._margins = margins
        self._changes = Changes()
        self.whole_at = NEVER
        """When detectors last ran on the whole picture, in seconds."""
        self._last = done(KnownFinds(Detections.empty(), 0.0))

    def detect(self, frame: Frame, whole: bool = False) -> Future[KnownFinds]:
        """The finds in `frame`, new or unchanged.

        Args:
            frame: later than the last one.
            whole: run on all of it, changed or not.
        """
        changed = self._changes.see(frame)
        if not whole and not changed.any():  # and the last result need not be waited for
            return combined([self._last], lambda last: KnownFinds(last[0].finds, 0.0))
        some = None if whole else self._places(changed, frame)
        if some is None:  # if a detector fails, what it did not see still counts as changed
            found = self._detect_in(frame, None)
            stood = self._standing(self._last.result().finds, changed) if whole else Detections.empty()
            self._last = combined([found], lambda finds: KnownFinds(_rescored(stood, finds[0]), 1.0))
            self._changes.detected()
            self.whole_at = seconds(frame)
        else:
            self._last = self._again(frame, some, self._last.result().finds)
            self._changes.detected(dilated(changed, self._margins.around))
        return self._last

    def _places(self, changed: Mask, frame: Frame) -> list[Place] | None:
        """The places where something `changed`; None if so much did that running on all of `frame` costs no more."""
        if pixels_around(changed, frame, self._margins) >= self._most(frame):
            return None
        if self._much(places(changed, Detections.empty(), frame, self._margins), frame):
            return None  # and the last result need not be waited for
        some = places(changed, self._last.result().finds, frame, self._margins)
        return None if self._much(some, frame) else some

    def _much(self, some: Sequence[Place], frame: Frame) -> bool:
        return sum(place.pixels for place in some) >= self._most(frame)

    def _most(self, frame: Frame) -> float:
        """Pixels from which running on all of `frame` costs no more."""
        return self._margins.most * frame.width * frame.height

    def _standing(self, found: Detections, changed: Mask) -> Detections:
        """The finds around which nothing changed."""
        return found.select(~_touched(found, dilated(changed, self._margins.around)))

    def known(self, frame: Frame) -> Future[KnownFinds]:
        """The last finds around which nothing changed in `frame`, without running on it."""
        if self.whole_at == NEVER:
            return done(KnownFinds(Detections.empty(), 0.0))
        changed = self._changes.see(frame)
        return combined([self._last], lambda last: KnownFinds(self._standing(last[0].finds, changed), 0.0))

    def _again(self, frame: Frame, some: Sequence[Place], known: Detections) -> Future[KnownFinds]:
        """The `known` finds, with those in `some` places replaced by new ones."""
        size = (frame.width, frame.height)
        share = sum(place.pixels for place in some) / (size[0] * size[1])

        def merged(found: list[Detections]) -> KnownFinds:
            parts = [known.select(~_within(known, [place.core for place in some], size))]
            parts += [new.select(_within(new, [at.core], size)) for at, new in zip(some, found, strict=True)]
            return KnownFinds(fuse(Detections.concatenate(parts)) if some else known, share)

        return combined([self._detect_in(frame, place.shown) for place in some], merged)


def _within(found: Detections, parts: Sequence[Part], size: tuple[int, int]) -> NDArray[np.bool_]:
    """(N,) whether the centre of each find, clipped to the picture, lies in one of `parts`."""
    middle = np.clip((found.xyxy[:, :2] + found.xyxy[:, 2:]) / 2, 0, np.array(size) - 0.5)
    inside = np.zeros(len(found), bool)
    for x0, y0, x1, y1 in parts:
        inside |= (middle >= [x0, y0]).all(axis=1) & (middle < [x1, y1]).all(axis=1)
    return inside


def _touched(found: Detections, changed: Mask) -> NDArray[np.bool_]:
    """(N,) whether a block under each find changed."""
    rows, columns = changed.shape
    touched = np.zeros(len(found), bool)
    for i, (x0, y0, x1, y1) in enumerate(found.xyxy):
        left, right = np.clip([x0 // BLOCK, x1 // BLOCK], 0, columns - 1).astype(int)
        top, bottom = np.clip([y0 // BLOCK, y1 // BLOCK], 0, rows - 1).astype(int)
        touched[i] = changed[top : bottom + 1, left : right + 1].any()
    return touched


def _rescored(known: Detections, found: Detections) -> Detections:
    """What was `found` now; `known` finds that stand still keep their boxes, and their scores approach the mean.

    Otherwise one of many detections of the same sign would take it for a plate.
    """
    again, here, new = np.zeros(len(known), np.float32), np.zeros(len(known), bool), np.ones(len(found), bool)
    for one, other in alike(known, found, SAME):
        here[one], new[other] = True, False
        np.maximum.at(again, one, found.score[other])
    known, again = known.select(here), again[here]
    score = known.score + np.float32(RESCORING) * (again - known.score)
    return Detections.concatenate([Detections(known.xyxy, score, known.kind), found.select(new)])
