"""How a stored frame is turned and mirrored to be upright."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Orientation:
    """One of the eight orientations of a frame: transposed first, then mirrored along the upright axes."""

    transposed: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @classmethod
    def of_matrix(cls, matrix: Sequence[int] | None) -> Orientation:
        """The orientation in FFmpeg's display matrix (nine values).

        A matrix that is not a quarter turn or mirror image (a few degrees of tilt) counts as none: the frame is edited
        as it is stored, and the matrix is copied to the output.
        """
        if matrix is None:
            return cls()
        a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
        if a and d and not b and not c:
            return cls(False, a < 0, d < 0)
        if b and c and not a and not d:
            return cls(True, c < 0, b < 0)
        return cls()

    def apply(self, stored: NDArray[Any]) -> NDArray[Any]:
        """An upright view of `stored`, whose first two axes are rows and columns."""
        upright = np.swapaxes(stored, 0, 1) if self.transposed else stored
        return upright[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]

    def pair(self, x: int, y: int) -> tuple[int, int]:
        """A stored (x, y) pair, such as a size, in upright order; its own inverse."""
        return (y, x) if self.transposed else (x, y)

    def offset(self, width: int, height: int, step: tuple[int, int]) -> tuple[int, int]:
        """Upright pixels (x, y) by which sample 0 begins before pixel 0; see `anonymize.data.Plane`.

        Args:
            width: of the upright picture in pixels.
            height: of the upright picture in pixels.
            step: upright pixels per sample.
        """
        return (-width % step[0] if self.flip_x else 0, -height % step[1] if self.flip_y else 0)
