"""What a file is called against what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anonymize.media.video.open import Input

if TYPE_CHECKING:
    pass

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
"""Suffixes that people use for one another."""


def misnamed(source: Input, container: str) -> str:
    """A note where `source` has the suffix of another kind of file than `container`, else nothing."""
    suffix = "" if isinstance(source, bytes) else source.suffix.lower().lstrip(".")
    named = next((family for family in _FAMILIES if suffix in family), None)
    if named is None or container in named:
        return ""
    return f"the file is called .{suffix} but holds {container}: its content was followed"
