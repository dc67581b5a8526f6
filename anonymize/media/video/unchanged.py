"""Properties that must stay the same throughout a video, since an output stores them once for all frames."""

from __future__ import annotations

import av

from anonymize.media.frames.pixels import layout_of
from anonymize.media.protocols import MediaInfo
from anonymize.media.video.inspect import colour_of

_RANGES = {0: "unspecified", 1: "limited", 2: "full"}
_TRANSFERS = {1: "BT.709", 16: "PQ", 18: "HLG"}
_UNKNOWN = 2


def change(info: MediaInfo, picture: av.VideoFrame) -> str:
    """How `picture` differs from `info`, in words; empty if it does not. Missing colour tags do not count."""
    stored = info.stored_size
    if (picture.width, picture.height) != stored:
        return (
            f"the picture changes its size partway through (from {stored[0]} x {stored[1]} to "
            f"{picture.width} x {picture.height})"
        )
    before, after = layout_of(info.pixel_format), layout_of(picture.format.name)
    was, becomes = info.colour, colour_of(picture)
    if after is not None and before is not None and before.name != after.name and before.depth != after.depth:
        return f"the bit depth changes partway through (from {before.depth} to {after.depth} bits)"
    if 0 not in (was.range, becomes.range) and was.range != becomes.range:
        return f"the colour range changes partway through ({_RANGES[was.range]}, then {_RANGES[becomes.range]})"
    if before != after:
        return f"the pixel format changes partway through ({info.pixel_format}, then {picture.format.name})"
    for what, one, other in (
        ("transfer function changes", was.transfer, becomes.transfer),
        ("colour primaries change", was.primaries, becomes.primaries),
        ("colour matrix changes", was.matrix, becomes.matrix),
    ):
        if _UNKNOWN not in (one, other) and one != other:
            names = _TRANSFERS if what.startswith("transfer") else {}
            return f"the {what} partway through ({names.get(one, one)}, then {names.get(other, other)})"
    if picture.format.name.startswith("yuvj") != info.pixel_format.startswith("yuvj"):
        return f"the colour range changes partway through ({info.pixel_format}, then {picture.format.name})"
    return ""
