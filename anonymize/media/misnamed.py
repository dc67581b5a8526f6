"""Files whose suffix does not match their content."""

from __future__ import annotations

from anonymize.media.video.open import Input

_FAMILIES = (
    {"mp4", "m4v", "mov", "qt", "3gp", "3g2", "f4v"},
    {"mkv", "webm", "mka"},
    {"ts", "m2ts", "mts"},
    {"mpg", "mpeg", "vob", "m2v", "mpv"},
    {"wmv", "asf"},
    {"ogg", "ogv"},
    {"avi"},
    {"flv"},
    {"jpg", "jpeg", "png", "gif", "webp", "heic", "tif", "tiff", "bmp"},
)
"""Suffixes that are used interchangeably."""


def misnamed(source: Input, container: str) -> str:
    """A note if `source` has the suffix of another format than `container`; empty if not."""
    suffix = "" if isinstance(source, bytes) else source.suffix.lower().lstrip(".")
    named = next((family for family in _FAMILIES if suffix in family), None)
    if named is None or container in named:
        return ""
    return f"the file is called .{suffix} but contains {container}: it was read as {container}"
