"""What an output holds besides its pictures and sound, found by parsing the file."""

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
"""Parsers by canonical suffix: of all containers that are written here."""

_USER_DATA = "user data in the video stream (SEI)"


def foreign(path: Path, container: str, removed: Sequence[str] = (), codec: str = "") -> list[str]:
    """Everything in the file at `path` that should not be in an output: complaints, in words.

    Args:
        path: the output.
        container: its canonical suffix.
        removed: what its reader would remove from it.
        codec: of its video; empty for a picture.
    """
    # The reader cannot tell an encoder's own user data from anyone else's; the bitstream parser can.
    removed = [what for what in removed if what != _USER_DATA or not bitstream.examined(codec)]
    found = [*removed, *(bitstream.foreign(path) if codec else stills.foreign(path, container))]
    complaints = [f"still in it: {', '.join(dict.fromkeys(found))}"] if found else []
    if container in _CONTAINERS and (strange := list(_CONTAINERS[container](path))):
        complaints.append(f"still in its container: {', '.join(strange)}")
    return complaints


def unexamined(container: str, codec: str) -> list[str]:
    """The parts of such a file that are not parsed, in words."""
    words = []
    if codec and container not in _CONTAINERS:
        words.append(f".{container} files are not parsed: only metadata that FFmpeg reports was checked")
    if codec and codec not in ("vp9", "ffv1", "prores") and not bitstream.examined(codec):
        words.append(f"{codec} pictures are not parsed: only user data that FFmpeg reports was checked")
    return words
