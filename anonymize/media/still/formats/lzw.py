"""Compute the unpacked length of LZW data without unpacking them (GIF89a, appendix F; TIFF 6.0, section 13).

Decoders stop when an image is full, and do not notice damaged data that expand to more, or to less.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MOST = 4096
"""Entries of a table; codes have at most 12 bits."""

Numbers = NDArray[np.int64]


def unpacked_length(data: bytes, *, letters: int = 8, tiff: bool = False) -> tuple[int, int]:
    """The number of symbols that `data` expand to before the end code, and the number of bytes after it.

    Without an end code, all complete codes count and no bytes are left.

    Args:
        data: the codes.
        letters: bits per symbol.
        tiff: codes start at the most significant bit and widen one code early, as in TIFF; otherwise as in GIF.

    Raises:
        ValueError: a code is not defined yet.
    """
    clear = 1 << letters
    entries = _MOST - clear - 2
    grown = clear + 2 + np.maximum(np.arange(entries + 1) - 1, 0) + tiff
    widths = np.minimum(np.maximum(np.frexp(grown)[1], letters + 1), 12)
    places = np.concatenate(([0], np.cumsum(widths)))
    padded = np.frombuffer(data + bytes(4), np.uint8)
    bits, at, total = 8 * len(data), 0, 0
    lengths: Numbers | None = None
    """Lengths of the table's entries, once it is full."""
    while True:
        if lengths is None:
            count = int(np.searchsorted(places[1:], bits - at, side="right"))
            codes = _codes(padded, at + places[:count], widths[:count], tiff)
        else:
            count = min((bits - at) // 12, 1 << 16)
            codes = _codes(padded, at + 12 * np.arange(count), np.full(count, 12), tiff)
        stops = np.flatnonzero((codes == clear) | (codes == clear + 1))
        end = int(stops[0]) if stops.size else count
        found = _table(codes[:end], clear) if lengths is None else _looked_up(codes[:end], clear, lengths)
        total += int(found.sum())
        at += int(places[end]) if lengths is None else 12 * end
        if not stops.size:
            if count == 0 or bits - at < letters + 1:
                return total, 0
            lengths = found[:entries] + 1 if lengths is None else lengths
            if len(lengths) < entries:
                return total, 0
            continue
        at += int(widths[end]) if lengths is None else 12
        lengths = None
        if codes[end] == clear + 1:
            return total, len(data) - (at + 7) // 8


def _codes(padded: NDArray[np.uint8], at: Numbers, widths: Numbers, highest_first: bool) -> Numbers:
    """The codes of `widths` bits that start at the bit offsets `at`."""
    first = at >> 3
    piece = [padded[first + k].astype(np.int64) for k in range(3)]
    if highest_first:
        found = (piece[0] << 16 | piece[1] << 8 | piece[2]) >> (24 - (at & 7) - widths)
    else:
        found = (piece[0] | piece[1] << 8 | piece[2] << 16) >> (at & 7)
    return np.asarray(found & ((1 << widths) - 1), np.int64)


def _table(codes: Numbers, clear: int) -> Numbers:
    """The lengths of the first codes after a clear code; each also defines a table entry, one symbol longer."""
    parents = codes - (clear + 2)
    if (parents >= np.arange(len(codes))).any():
        raise ValueError("a code is not defined yet")
    lengths = np.ones(len(codes), np.int64)
    while (inner := parents >= 0).any():  # pointer doubling
        above = np.where(inner, parents, 0)
        lengths += np.where(inner, lengths[above], 0)
        parents = np.where(inner, parents[above], -1)
    return lengths


def _looked_up(codes: Numbers, clear: int, lengths: Numbers) -> Numbers:
    entries = np.maximum(codes - (clear + 2), 0)
    return np.where(codes < clear, 1, lengths[entries])
