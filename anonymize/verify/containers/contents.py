"""What is in an output beside its pictures and sound, found by taking the file apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from anonymize.verify.containers import bitstream, isobmff, matroska, stills, transport

_CONTAINERS: Mapping[str, Callable[[Path], Iterator[str]]] = MappingProxyType(
    {
        "mp4": isobmff.foreign,
        "m4v": isobmff.foreign,
        "mov": isobmff.foreign,
        "3gp": isobmff.foreign,
        "mkv": matroska.foreign,
        "webm": matroska.foreign,
        "ts": transport.foreign,
    }
)
"""How containers are taken apart, by canonical suffix: all that are written here."""

_USER_DATA = "user data in the video stream (SEI)"


def foreign(path: Path, container: str, told: Sequence[str] = (), codec: str = "") -> list[str]:
    """Everything in the file at `path` that should not be in an output, in words, each line a complaint.

    Args:
        path: the output.
        container: its canonical suffix.
        told: what its reader would remove from it.
        codec: of its video; empty for a picture.
    """
    # Of user data the reader cannot tell an encoder's own text from anybody else's; the bitstream can.
    told = [what for what in told if what != _USER_DATA or not bitstream.examined(codec)]
    found = [*told, *bitstream.foreign(path)] if codec else [*told, *stills.foreign(path, container)]
    complaints = [f"there is still in it: {', '.join(dict.fromkeys(found))}"] if found else []
    if container in _CONTAINERS and (strange := list(_CONTAINERS[container](path))):
        complaints.append(f"there is in its container: {', '.join(strange)}")
    return complaints


def unexamined(container: str, codec: str) -> list[str]:
    """What of such a file nobody takes apart, in words."""
    words = []
    if codec and container not in _CONTAINERS:
        words.append(f"a .{container} file is not taken apart: only the metadata that FFmpeg tells of were looked for")
    if codec and codec not in ("vp9", "ffv1", "prores") and not bitstream.examined(codec):
        words.append(f"{codec} pictures are not taken apart: only the user data that FFmpeg tells of were looked for")
    return words
