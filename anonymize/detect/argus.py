"""Argus: our own network for all kinds in one pass (made in `training/`, described in docs/models.md).

At a quarter of the picture's size it outputs a heat map for each kind, zero except at its peaks, and the logarithm of
the distances from each cell's centre to the four edges of the box around it. The first edition knows faces and plates,
and has one box for both; those since have a box for each kind, and their file names the kinds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from anonymize.data import Detections, Kind
from anonymize.detect.detector import FLOOR, Picture, finds, padded
from anonymize.detect.merge import suppress
from anonymize.errors import ModelError
from anonymize.models import Bodies, find, session
from anonymize.settings import Device
from anonymize.text.words import printable

STRIDE = 4
"""Pixels per cell of the outputs."""
MULTIPLE = 32
"""The network halves its input five times."""
OVERLAP = 0.45
"""Overlap (IoU) for non-maximum suppression."""
FIRST_EDITION = (Kind.FACE, Kind.PLATE)
"""The kinds of a file that does not name its own."""
POWERS = {Kind.PLATE: 0.75}
"""Raw scores are raised to these powers, unless the registry has others for an edition; other kinds' stay as they are.
One threshold then means the same for all kinds and for other detectors: on street pictures a score of 0.28 comes with
about one false plate a picture, 0.48 with one in ten pictures."""
HANGS = (-0.1, 0.4)
"""Between these shares of a person's height, from the top of their box, lies the middle of their head, ..."""
TALLER = 1.4
"""... and they are at least so many times as high as it."""
SMALLEST = {Kind.FACE: 20.0, Kind.HEAD: 16.0, Kind.PERSON: 32.0, Kind.PLATE: 28.0}
"""What it finds reliably, from this size in its input on."""
LARGEST = {Kind.PLATE: 128.0}
"""Wider ones get boxes up to four times too high."""


class Argus:
    """Faces, plates and what else its edition knows, by the project's own network.

    Args:
        name: of the edition in the registry.
        threads: processor threads; 0 for every core.
        device: where it runs.

    Raises:
        ModelError: as `anonymize.models.session`, or the file's kinds are not those that the registry has.
    """

    max_input_side = 1280

    def __init__(
        self,
        name: str = "argus",
        threads: int = 0,
        device: Device = Device.CPU,
    ) -> None:
        self.name = name
        self._session = session(name, threads, device)
        self.device, self.sha256 = self._session.device_report, self._session.sha256
        self._kinds = kinds_of(self._session.notes(), name)
        if set(self._kinds) != set(find(name).kinds):
            named = ", ".join(kind.label for kind in self._kinds)
            raise ModelError(f"the file of the model {name!r} finds {named}, which is not what the registry says")
        self._powers, self._bodies = find(name).powers, find(name).bodies
        self.kinds = frozenset(self._kinds)
        self.min_size = {kind: SMALLEST[kind] for kind in self._kinds}
        self.max_reliable_size = {kind: size for kind, size in LARGEST.items() if kind in self.kinds}

    def detect(self, picture: Picture) -> Detections:
        """What is in `picture`. See `anonymize.detect.Detector.detect`."""
        scores, distances = self._session.run(["scores", "distances"], {"image": padded(picture, MULTIPLE, np.uint8)})
        found = decode(scores[0], distances[0], self._kinds, self._powers)
        return with_bodies(found, self._bodies) if self._bodies else found

    def release_memory(self) -> None:
        """Release the network's memory."""
        self._session.release_memory()


def kinds_of(notes: Mapping[str, str], name: str) -> tuple[Kind, ...]:
    """The kinds of the heat maps of a file with these notes. Raises `ModelError` for one that argus cannot find."""
    if "kinds" not in notes:
        return FIRST_EDITION
    known = {kind.label: kind for kind in SMALLEST}
    words = notes["kinds"].split(",")
    if len(set(words)) < len(words) or not set(words) <= set(known):
        said, listed = printable(notes["kinds"])[:80], ", ".join(known)
        raise ModelError(f"the file of the model {name!r} names the kinds {said!r}: expected some of {listed}")
    return tuple(known[word] for word in words)


def decode(
    scores: NDArray[np.float32],
    distances: NDArray[np.float32],
    kinds: Sequence[Kind] = FIRST_EDITION,
    powers: Mapping[Kind, float] = POWERS,
) -> Detections:
    """Boxes from the network's outputs.

    Args:
        scores: (kinds, h, w), zero except at the peaks.
        distances: (4 * kinds, h, w), or (4, h, w) for all kinds: logarithm of the distance in cells from a cell's
            centre to left, top, right and bottom.
        kinds: of the planes of `scores`.
        powers: to which the scores of a kind are raised, if not 1.

    Returns:
        Boxes in pixels for all peaks of at least `FLOOR`, after non-maximum suppression, best first.
    """
    boxes = [distances] * len(kinds) if len(distances) == 4 else np.split(distances, len(kinds))
    planes = zip(scores, boxes, kinds, strict=True)
    # Each kind on its own: a crowd has more persons, heads and faces than are compared with each other at once
    found = Detections.concatenate([suppress(_of_kind(*plane, powers), OVERLAP) for plane in planes])
    return found.select(np.argsort(-found.score, kind="stable"))


def with_bodies(found: Detections, bodies: Bodies) -> Detections:
    """`found` with lower scores for heads that sit on nobody, and without those that are below `FLOOR` by that.

    Lanterns, bottle caps and weights have no body.

    Persons are found in the same pass, and need not be wanted. One of whom only the head shows may be found as a face;
    there it is not taken for less.
    """
    heads, persons = found.kind == Kind.HEAD, found.select((found.kind == Kind.PERSON) & (found.score >= bodies.person))
    box, body = found.xyxy[heads][:, None], persons.xyxy[None]
    x, y = ((box[..., side] + box[..., side + 2]) / 2 for side in (0, 1))
    tall = body[..., 3] - body[..., 1]
    highest, lowest = (body[..., 1] + share * tall for share in HANGS)
    on = (x >= body[..., 0]) & (x <= body[..., 2]) & (y >= highest) & (y <= lowest)
    on &= tall >= TALLER * (box[..., 3] - box[..., 1])
    score = found.score.copy()
    score[heads] *= np.where(on.any(axis=1), 1, bodies.share).astype(np.float32)
    order = np.argsort(-score, kind="stable")
    return Detections(found.xyxy, score, found.kind).select(order[score[order] >= FLOOR])


def _of_kind(
    score: NDArray[np.float32], distances: NDArray[np.float32], kind: Kind, powers: Mapping[Kind, float]
) -> Detections:
    score = score ** np.float32(powers.get(kind, 1.0))
    rows, columns = np.nonzero(score >= FLOOR)
    with np.errstate(over="ignore"):  # `finds` drops absurd, infinite sizes
        left, top, right, bottom = np.exp(distances[:, rows, columns]) * STRIDE
    x, y = (columns + 0.5) * STRIDE, (rows + 0.5) * STRIDE
    xyxy = np.stack([x - left, y - top, x + right, y + bottom], axis=1).astype(np.float32)
    return finds(xyxy, score[rows, columns], kind)
