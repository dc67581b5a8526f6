"""Lines of a plan that are exactly as `Regions.lines` writes them, read many at a time.

Only what certainly passes every check of `anonymize.plan.reading` is read here. Any other line is left to it, which
checks it on its own and says what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from anonymize.data import Kind, Shape, Why
from anonymize.kinds import shaped
from anonymize.plan.regions import SHAPES, WHYS, WORDS, Block
from anonymize.text.ranges import PIXELS

AT_ONCE = 4096
"""Lines that are read at a time."""
_FEW = 32
"""So many lines among which is an unusual one are read one by one."""
_PARTS = 8

_WHOLE = "(?:0|[1-9][0-9]{0,11})"
_PLACE = r"-?(?:0|[1-9][0-9]{0,6})\.[0-9]{1,2}"
_LINE = re.compile(
    rf'\{{(?:"frame": ({_WHOLE})|"frames": \[({_WHOLE}), ({_WHOLE})\])(?:, "track": ({_WHOLE}))?, '
    r'("kind": "[a-z]+", "why": "[a-z]+", "shape": "[a-z]+"), '
    rf'"xyxy": \[({_PLACE}, {_PLACE}, {_PLACE}, {_PLACE})\](?:, "score": ([01]\.[0-9]{{1,3}}))?\}}\n?'
)
"""A line of a region that is no polygon. It has no more digits after the point than are kept."""

_CODES = {
    text: (kind, why, SHAPES.index(shaped(Kind(kind), SHAPES[shape])))
    for (kind, why, shape), text in WORDS.items()
    if SHAPES[shape] is not Shape.POLYGON
}
_BY_PERSON = [WHYS.index(Why.MANUAL), WHYS.index(Why.ZONE)]


def sorted_out(
    some: Sequence[tuple[int, str]], frames: int, size: tuple[int, int], *, anywhere: bool
) -> Iterator[Block | tuple[int, str]]:
    """Numbered lines in the order given: those of the usual form as blocks, all others as they are.

    Args:
        some: each with its number.
        frames: of the video.
        size: width and height of the upright picture.
        anywhere: what was found may lie outside the picture.
    """
    found = block([line for _, line in some], frames, size, anywhere=anywhere)
    if found is not None:
        yield found
    elif len(some) <= _FEW:
        yield from some
    else:
        each = -(-len(some) // _PARTS)
        for at in range(0, len(some), each):
            yield from sorted_out(some[at : at + each], frames, size, anywhere=anywhere)


def block(lines: Sequence[str], frames: int, size: tuple[int, int], *, anywhere: bool) -> Block | None:
    """The rows in `lines`; None if any is unusual or invalid. Arguments as in `sorted_out`."""
    matches = [match.groups() for match in map(_LINE.fullmatch, lines) if match]
    if not matches or len(matches) < len(lines):
        return None
    one, several, until, track, words, places, scores = zip(*matches, strict=True)
    codes = [_CODES.get(each) for each in words]
    if None in codes:
        return None
    first = [int(a or b) for a, b in zip(one, several, strict=True)]
    end = [a + 1 if b is None else int(b) for a, b in zip(first, until, strict=True)]
    found = Block(
        spans=np.array([first, end], np.int64).T,
        xyxy=np.array(list(map(float, ", ".join(places).split(", ")))).reshape(-1, 4),
        score=np.array([1.0 if each is None else float(each) for each in scores]),
        track=np.array([-1 if each is None else int(each) for each in track], np.int64),
        codes=np.array(codes, np.uint8),
    )
    return found if _is_valid(found, frames, size, anywhere=anywhere) else None


def _is_valid(found: Block, frames: int, size: tuple[int, int], *, anywhere: bool) -> bool:
    (first, end), (x0, y0, x1, y1) = found.spans.T, found.xyxy.T
    # Rows whose middle lies within the picture hide something of it; of others this is not certain.
    inside: NDArray[np.bool_] = (x0 + x1 >= 0) & (x0 + x1 < 2 * size[0]) & (y0 + y1 >= 0) & (y0 + y1 < 2 * size[1])
    if anywhere:
        inside |= ~np.isin(found.codes[:, 1], _BY_PERSON)
    return bool(
        inside.all()
        and ((first < end) & (end <= frames)).all()
        and ((x0 < x1) & (y0 < y1)).all()
        and (found.xyxy >= PIXELS.low).all()
        and (found.xyxy <= PIXELS.high).all()
        and (found.score <= 1).all()
    )
