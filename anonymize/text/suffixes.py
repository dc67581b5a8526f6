"""Suffixes of files, and what they mean."""

from __future__ import annotations

from typing import Protocol

RAW_SUFFIXES = frozenset(
    (".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".gpr", ".iiq", ".k25", ".kdc", ".mef")
) | {".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".ptx", ".raf", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"}
OTHER_SUFFIXES = frozenset(
    (".ai", ".bpg", ".cur", ".dcm", ".dds", ".emf", ".eps", ".exr", ".fits", ".flif", ".hdp", ".hdr", ".heics", ".icns")
) | {".ico", ".im", ".jls", ".jxl", ".jxr", ".pam", ".pcd", ".pct", ".pcx", ".pfm", ".pict", ".psb", ".psd", ".qoi"}
OTHER_SUFFIXES |= {".ras", ".sgi", ".svg", ".svgz", ".wbmp", ".wdp", ".wmf", ".xbm", ".xcf", ".xpm"}
FILM_SUFFIXES = frozenset((".mjpeg", ".mjpg", ".mjp"))
"""Of films that are pictures one after another, without times: read as a picture, they would be their first alone."""
OTHER_SUFFIXES |= FILM_SUFFIXES
"""Of picture formats that cannot be read, except camera raws."""
PICTURE_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".png", ".apng", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".heic", ".heif", ".avif")
) | {".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".icb", ".vda", ".vst", ".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"}
VIDEO_SUFFIXES = frozenset(
    (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".vob", ".wmv", ".asf")
) | {".flv", ".f4v", ".3gp", ".3g2", ".mxf", ".ogv", ".ogg", ".y4m", ".dv"}
"""In a folder, a file with any of these suffixes, or with that of a picture format that cannot be read, fails if it
cannot be read; any other is left out and listed."""


class _Named(Protocol):
    """A path, local or remote."""

    @property
    def suffix(self) -> str: ...


def is_picture_name(path: _Named) -> bool | None:
    """Whether a file of this name should be a picture (True) or a video (False); None if its suffix is neither's."""
    suffix = path.suffix.lower()
    return suffix in PICTURE_SUFFIXES if suffix in PICTURE_SUFFIXES | VIDEO_SUFFIXES else None


SAME = {
    ".jpeg": ".jpg",
    ".jpe": ".jpg",
    ".tif": ".tiff",
    ".qt": ".mov",
    ".mts": ".ts",
    ".m2ts": ".ts",
    ".heif": ".heic",
}
"""Suffixes with the same meaning."""
