"""Read files in a storage in place, and find them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from anonymize.errors import InputError, UnreadableInput
from anonymize.storage.address import like
from anonymize.storage.words import said
from anonymize.text import untrusted

if TYPE_CHECKING:
    from upath import UPath

    from anonymize.storage.address import Place

_NOT_OF_THE_CONTENT = ("atime", "accessed", "name", "islink")
AHEAD = 4 << 20
"""Bytes of read-ahead from a storage: otherwise each small read by FFmpeg would be a request."""


def opened(source: Place, ahead: int = AHEAD) -> IO[bytes]:
    """`source`, open for reading; in a storage, each request fetches at least `ahead` bytes.

    Raises:
        OSError: it cannot be opened.
    """
    if isinstance(source, Path):
        return source.open("rb")
    file: IO[bytes] = source.open("rb", buffering=ahead)
    return file


class Steady:
    """A file in a storage, for FFmpeg to read. A failure of the storage is never taken for the end of the file.

    Args:
        source: the file.
        name: for messages.

    Raises:
        UnreadableInput: the storage failed; also from every method.
    """

    def __init__(self, source: UPath, name: str) -> None:
        self._name = name
        with _as_unreadable(name):
            self._file = opened(source)

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes, or all."""
        with _as_unreadable(self._name):
            return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to `offset`."""
        with _as_unreadable(self._name):
            return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The current position."""
        return self._file.tell()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def sha256(source: Place) -> str:
    """The SHA-256 of a file's content, in lower-case hex.

    Raises:
        OSError: a file on this machine cannot be read.
        UnreadableInput: a storage failed.
    """
    if isinstance(source, Path):
        with os.fdopen(untrusted.descriptor(source), "rb") as local:
            return hashlib.file_digest(local, "sha256").hexdigest()
    digest = hashlib.sha256()
    with _as_unreadable(source.name), opened(source) as file:
        while piece := file.read(AHEAD):
            digest.update(piece)
    return digest.hexdigest()


def has_sha256(source: Place, digest: str) -> bool:
    """Whether there is a file at `source` with this SHA-256."""
    try:
        return (not isinstance(source, Path) or source.is_file()) and sha256(source) == digest
    except (OSError, InputError):
        return False


def identity(source: Place) -> tuple[object, ...]:
    """A value, cheap to get, that changes whenever a file is written to or replaced.

    On this machine it includes the inode's change time, which programs cannot set. For a storage it is whatever that
    reports: size, times, entity tag, version.

    Raises:
        OSError: there is no such file on this machine.
        UnreadableInput: the storage has no such file, or cannot be reached.
    """
    if isinstance(source, Path):
        facts = source.stat()
        return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns
    with _as_unreadable(source.name):
        source.fs.invalidate_cache()
        info = source.fs.info(source.path)
        return tuple((key, str(info[key])) for key in sorted(info) if key not in _NOT_OF_THE_CONTENT)


def is_folder(place: Place) -> bool:
    """Whether `place` is a folder.

    Raises:
        UnreadableInput: the storage cannot be reached.
    """
    return place.is_dir() if isinstance(place, Path) else kind_of(place) == "folder"


def kind_of(source: UPath) -> str:
    """`file`, `folder`, or an empty string if `source` does not exist.

    Raises:
        UnreadableInput: the storage cannot be reached.
    """
    with _as_unreadable(str(source)):
        source.fs.invalidate_cache()
        if source.fs.isfile(source.path):
            return "file"
        return "folder" if source.fs.isdir(source.path) else ""


def below(folder: UPath) -> Iterator[UPath]:
    """The files in `folder` and its subfolders, sorted, without hidden ones.

    Raises:
        UnreadableInput: the storage cannot be listed.
    """
    with _as_unreadable(str(folder)):
        folder.fs.invalidate_cache()
        found = sorted(folder.fs.find(folder.path))
    start = folder.path.rstrip("/") + "/"
    for path in found:
        inside = path.removeprefix(start)
        if inside and not any(part.startswith(".") for part in inside.split("/")):
            yield folder / inside


def matching(pattern: UPath) -> list[UPath]:
    """The files that `pattern` matches, sorted.

    Raises:
        UnreadableInput: the storage cannot be listed.
    """
    with _as_unreadable(str(pattern)):
        pattern.fs.invalidate_cache()
        found = sorted(pattern.fs.glob(pattern.path))
        return [like(pattern, path) for path in found if pattern.fs.isfile(path)]


@contextmanager
def _as_unreadable(name: str) -> Iterator[None]:
    """Turn a storage's errors into an `UnreadableInput`: each has its own, and only some are `OSError`."""
    try:
        yield
    except InputError:
        raise
    except FileNotFoundError as error:
        raise UnreadableInput("no such file or folder in this storage", name) from error
    except PermissionError as error:
        raise UnreadableInput(f"no permission to read it in this storage ({said(error)})", name) from error
    except Exception as error:
        raise UnreadableInput(f"the storage cannot be read ({said(error)})", name) from error
