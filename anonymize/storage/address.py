"""Parse addresses: which are allowed, and the path or path-like object each becomes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anonymize.errors import UsageError
from anonymize.text.words import extra

if TYPE_CHECKING:
    from upath import UPath

    Place = Path | UPath
    """A file on this machine, or one in a storage."""

_REFUSED = {
    "http": "it cannot be written to, and what can be read is public or has its password in the address",
    "https": "it cannot be written to, and what can be read is public or has its password in the address",
    "data": "give the file itself",
    "memory": "it belongs to a single process",
    **dict.fromkeys(
        ("simplecache", "filecache", "blockcache", "cached"), "it would keep a raw copy on this machine's disk"
    ),
}


def is_address(text: str) -> bool:
    """Whether `text` is an address with a scheme rather than a path."""
    return "://" in text


def place(text: str) -> Place:
    """The file that `text` names: a `Path` for paths and `file://`, a `UPath` for any other address.

    Raises:
        UsageError: the address contains a password, its scheme is unknown or not allowed, or its package is missing.
    """
    if not is_address(text):
        return Path(text)
    scheme, _, rest = text.partition("://")
    scheme = scheme.lower()
    if "::" in text:
        raise UsageError(f"{scheme}://: chained addresses (::) are not allowed: they keep raw copies on disk")
    if "@" in rest.partition("/")[0] or "?" in rest:
        # It would show up in process lists, messages and reports.
        raise UsageError(
            f"{scheme}://: an address must contain no user, password or query; "
            "credentials come from the environment or from the storage's own files (docs/cluster.md)"
        )
    if scheme in _REFUSED:
        raise UsageError(f"{scheme}://: not allowed: {_REFUSED[scheme]}")
    if scheme == "file":
        return Path(rest)
    return _upath(text, scheme)


def like(other: UPath, path: str) -> UPath:
    """The file `path` in the storage of `other`."""
    return _upath(f"{other.protocol}://{path.lstrip('/')}", other.protocol)


def _upath(text: str, scheme: str) -> UPath:
    # Without credentials the AWS library would ask the machine's network (169.254.169.254) for some.
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    try:
        from upath import UPath

        found: Any = UPath(text)
        found.fs  # noqa: B018 - connects on first access
    except ImportError as error:
        raise UsageError(
            f"{scheme}://: a package is missing for this kind of storage ({error}); for s3://, {extra('storage')}"
        ) from error
    except ValueError as error:
        raise UsageError(f"{scheme}://: unknown kind of storage") from error
    result: UPath = found
    return result
