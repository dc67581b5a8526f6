"""Upload finished files to a storage: completely, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from anonymize.errors import OutputError
from anonymize.storage.words import said

if TYPE_CHECKING:
    from upath import UPath

    from anonymize.storage.address import Place

_OBJECT_STORES = frozenset(("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "tos", "oci"))
"""Storages where a file appears only when its upload is complete; elsewhere it first gets a temporary name."""


def exists(target: Place) -> bool:
    """Whether anything exists under this name.

    Raises:
        OutputError: the storage cannot be reached.
    """
    if isinstance(target, Path):
        return os.path.lexists(target)
    with _as_unwritable(target):
        target.fs.invalidate_cache()
        return bool(target.fs.exists(target.path))


def upload(made: Path, target: UPath, *, force: bool, token: str) -> None:
    """Upload the finished file `made` to `target`, completely or not at all.

    Args:
        made: a file on this machine.
        target: the file to write.
        force: replace an existing file.
        token: unique part of the temporary name, if the storage shows files before they are complete.

    Raises:
        OutputError: the storage refused it, or `target` exists.
    """
    files, path = target.fs, target.path
    mode = "overwrite" if force else "create"
    if not force and exists(target):
        raise already(target)
    with _as_unwritable(target):
        if target.protocol in _OBJECT_STORES:
            files.put_file(str(made), path, mode=mode)
        else:
            waiting = _waiting(target, token)
            try:
                files.makedirs(target.parent.path, exist_ok=True)
                files.put_file(str(made), waiting)
                if not force and files.exists(path):
                    raise FileExistsError(path)
                files.mv(waiting, path)
            except BaseException:
                with suppress(Exception):  # the first error is the one to report
                    files.rm(waiting)
                raise
        files.invalidate_cache()
        there, sent = int(files.info(path)["size"]), made.stat().st_size
    if there != sent:
        raise OutputError(f"the storage holds {there} bytes of {sent} that were sent; try again", target.name)


def forget(target: Place, token: str) -> None:
    """Remove what a worker may have left beside `target` if it died while releasing it."""
    if isinstance(target, Path):
        with suppress(OSError):
            target.with_name(hidden(target.name, token)).unlink()
    elif target.protocol not in _OBJECT_STORES:
        with suppress(Exception):  # usually there is nothing, and every storage has its own error for that
            target.fs.rm(_waiting(target, token))


def hidden(name: str, token: str) -> str:
    """The temporary name of the file `name` until it is complete and checked."""
    return f".anonymize-{token}{Path(name).suffix}"


def already(target: Place) -> OutputError:
    """The error for a file that exists."""
    return OutputError("exists already; give --force to replace it", target.name)


def _waiting(target: UPath, token: str) -> str:
    parent: str = target.parent.path
    return f"{parent.rstrip('/')}/{hidden(target.name, token)}"


@contextmanager
def _as_unwritable(target: UPath) -> Iterator[None]:
    """Turn a storage's errors into an `OutputError`."""
    try:
        yield
    except OutputError:
        raise
    except FileExistsError as error:
        raise already(target) from error
    except FileNotFoundError as error:
        raise OutputError("there is no such bucket or folder", target) from error
    except PermissionError as error:
        raise OutputError(f"no permission to write there ({said(error)})", target) from error
    except Exception as error:
        raise OutputError(f"the storage did not accept it ({said(error)})", target.name) from error
