"""What a person looked at in one start of a review, and what they sign: a random sample, the share of frames seen."""

from __future__ import annotations

import itertools
import random
import secrets
from collections.abc import Iterable, Sequence

from anonymize.errors import UsageError
from anonymize.plan.reviewed import Sampled, SignOff
from anonymize.report.data import now
from anonymize.verify.sample import bound

SAMPLE = 60
"""Frames of a sample: with nobody on any of them, at most a twentieth of all frames show somebody."""


class Record:
    """One start of a review.

    Args:
        frames: of the film.
        by: who reviews, as they wish to be called.
    """

    def __init__(self, frames: int, by: str) -> None:
        self._frames, self._by = frames, by
        self._start = secrets.token_hex(8)
        self._seen: set[int] = set()
        self._drawn: list[int] = []
        self._version = ""

    def see(self, frames: Iterable[int]) -> None:
        """Take the indices of frames that were on the screen; others than the film's are left out."""
        self._seen.update(index for index in frames if 0 <= index < self._frames)

    @property
    def seen(self) -> float:
        """The share of frames that were on the screen."""
        return round(len(self._seen) / max(self._frames, 1), 4)

    def draw(self, version: str = "") -> list[int]:
        """Draw a sample of the frames of a version anew: one from every stretch, at random; all if there are few."""
        source = random.SystemRandom()
        count = min(SAMPLE, self._frames)
        edges = [number * self._frames // count for number in range(count + 1)]
        self._version = version
        self._drawn = [source.randrange(first, end) for first, end in itertools.pairwise(edges)]
        return list(self._drawn)

    def sampled(self, showing: Sequence[int]) -> Sampled:
        """What the sample drawn last says, now that a person looked at all of it.

        Args:
            showing: indices of those of its frames on which somebody can be recognised.

        Raises:
            UsageError: no sample was drawn, or one of these frames is not in it.
        """
        if not self._drawn or not set(showing) <= set(self._drawn):
            raise UsageError("these are not frames of the sample: draw it again")
        drawn, hits = len(self._drawn), len(set(showing))
        found = bound(drawn, hits, self._frames)
        most = found.share if found else hits / drawn  # all frames were looked at
        self.see(self._drawn)
        self._drawn = []
        return Sampled(drawn, hits, round(most, 4), self._by, now(), self._version)

    def sign(self, name: str, note: str, answered: int, left: int, version: str = "") -> SignOff:
        """A sign-off of a version by `name`, who says in `note` why they changed what they changed."""
        return SignOff(name, self._start, self.seen, answered, left, note, now(), version)
