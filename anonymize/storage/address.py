"""What an address may be, and what it is to the rest: a path, or an object that behaves like one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from anonymize.errors import UsageError

if TYPE_CHECKING:
    from upath import UPath

    Place = Path | UPath
    """A file on this machine, or one behind an address."""

_REFUSED = {
    "http": "nothing can be written there, and what can be read is public or has its password in its address",
    "https": "nothing can be written there, and what can be read is public or has its password in its address",
    "data": "give the file itself",
    "memory": "it is one process's alone, and its files cannot be read twice at a time",
    **dict.fromkeys(
        ("simplecache", "filecache", "blockcache", "cached"), "it would keep a raw copy on this machine's disk"
    ),
}


def is_address(text: str) -> bool:
    """Whether `text` names a file by a scheme, and not by a path."""
    return "://" in text


def place(text: str) -> Place:
    """The place that `text` names: a path as it is, `file://` as a path, any other address as fsspec knows it.

    Raises:
        UsageError: an address with a password in it, of a kind that is not known or not used, or without its package.
    """
    if not is_address(text):
        return Path(text)
    scheme, _, rest = text.partition("://")
    scheme = scheme.lower()
    if "::" in text:
        raise UsageError(f"{scheme}://: chained addresses (::) are not used: they keep raw copies on disk")
    if "@" in rest.partition("/")[0] or "?" in rest:
        # It would stand in process lists, messages and reports.
        raise UsageError(
            f"{scheme}://: an address must hold no user, password or query; credentials come from the environment or "
            "from the storage's own files (docs/cluster.md)"
        )
    if scheme in _REFUSED:
        raise UsageError(f"{scheme}://: not used: {_REFUSED[scheme]}")
    if scheme == "file":
        return Path(rest)
    return _upath(text, scheme)


def like(other: UPath, path: str) -> UPath:
    """The file `path` of the storage of `other`."""
    return _upath(f"{other.protocol}://{path.lstrip('/')}", other.protocol)


def _upath(text: str, scheme: str) -> UPath:
    try:
        from upath import UPath

        found: Any = UPath(text)
        found.fs  # noqa: B018 - made when it is asked for
    except ImportError as error:
        raise UsageError(
            f"{scheme}://: a package is missing for this kind of storage ({error}); "
            "for s3:// install anonymize with its extra: pip install 'anonymize[storage]'"
        ) from error
    except ValueError as error:
        raise UsageError(f"{scheme}://: no storage of this kind is known") from error
    result: UPath = found
    return result
