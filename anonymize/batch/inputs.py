"""The files that a command works on, and where each output goes."""

from __future__ import annotations

import glob
import itertools
import os
import shlex
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from anonymize import storage
from anonymize.errors import UnreadableInput, UsageError
from anonymize.recorded.item import Item
from anonymize.text.suffixes import is_picture_name
from anonymize.text.words import near, system

if TYPE_CHECKING:
    from upath import UPath

    from anonymize.storage import Place

STDIN = "-"
STDIN_LIMIT = 1 << 30
"""The most bytes of a recording from standard input."""


def plan_items(inputs: Sequence[str], out: str) -> list[Item]:
    """Every input file with its output path.

    One file (or `-`) goes to the file `out`, unless that is a folder or ends with a slash. Several files, patterns and
    folders go below the folder `out`; folders keep their structure. Hidden files, and `out` itself where it lies within
    an input folder, are not inputs. Links to folders are not followed. Everything else in a folder is an item, even if
    it turns out to be unreadable: a subfolder that cannot be listed, a broken link, a pipe. A file that is named twice
    is one item.

    Raises:
        UnreadableInput: an input does not exist or cannot be listed, or a pattern matches nothing.
        UsageError: two inputs would have the same output, an output is an input, `out` is standard output, or `out`
            names one file for several inputs.
    """
    folder = storage.place(named_file(out))
    by_name: dict[tuple[str, Path], tuple[Place | None, Path, bool]] = {}
    for source, target, sought in (found for text in inputs for found in _expand(text, folder)):
        key = (_identity(source), target)
        by_name[key] = (source, target, sought or (key in by_name and by_name[key][2]))
    found = list(by_name.values())
    if not found:
        raise UnreadableInput("there is no file in this folder (hidden files are skipped)", ", ".join(inputs))
    single = len(found) == 1 and found[0][2] and not (out.endswith(("/", os.sep)) or storage.is_folder(folder))
    if single:
        return [_checked(Item(found[0][0], folder, Path(folder.name), named=True, sought=True))]
    if (
        found
        and is_picture_name(folder) is not None
        and not storage.is_folder(folder)
        and not out.endswith(("/", os.sep))
    ):
        raise UsageError(
            "this names one file, but the outputs of a folder or of several inputs need a folder: write "
            f"-o {shlex.quote(str(folder.with_suffix('')) + '/')}",
            out,
        )
    targets = _distinct([target for _, target, _ in found])
    return [
        _checked(Item(source, folder / target, target, named=False, sought=sought, otherwise=otherwise))
        for (source, _, sought), (target, otherwise) in zip(found, targets, strict=True)
    ]


def output_folder(items: Sequence[Item]) -> Path | None:
    """The folder that all `items` go below; None where one file goes to the exact path given.

    None also where anything is in remote storage: a ledger compares files by facts that only a file system has.
    """
    if not items or items[0].named or not all(isinstance(item.source, Path | None) for item in items):
        return None
    target = items[0].target
    return target.parents[len(items[0].relative.parts) - 1] if isinstance(target, Path) else None


def only_item(text: str, out: str) -> Item:
    """The input of a command that takes only one file, with its output.

    Raises:
        UnreadableInput: it does not exist.
        UsageError: it is a folder or a pattern, or the output is the input.
    """
    if text != STDIN and not storage.is_address(text) and not Path(text).exists():
        raise UnreadableInput(f"no such file{near(Path(text))}", text)
    if not storage.is_address(text) and Path(text).is_dir():
        raise _several(text)
    items = plan_items([text], out)
    if len(items) != 1 or not items[0].sought:
        raise _several(text)
    return items[0]


def _several(text: str) -> UsageError:
    folder = shlex.quote(text.rstrip("/") or "/")
    safe = "safe" if storage.is_address(text) else shlex.quote(f"{Path(text).name or 'all'}-safe")
    return UsageError(
        "this command takes one file, not a folder: name one of its files; for all of them at once, see what would be "
        f"hidden with: anonymize run {folder} -o {safe}/ --dry-run",
        text,
    )


def named_file(out: str) -> str:
    """`out`, a file to write. Raises `UsageError` for `-`: what went to standard output cannot be taken back."""
    if out == STDIN:
        raise UsageError(
            "-: the output cannot go to standard output, as it is released only once verified; name a file"
        )
    return out


def the_file(path: Path) -> Item:
    """The item for the file `path` itself, which is only read.

    Raises:
        UnreadableInput: it does not exist, or is not a file.
    """
    if not path.is_file():
        there = "this is a folder, a device or a pipe, not a file; name a video or picture"
        raise UnreadableInput(there if path.exists() else f"no such file{near(path)}", path)
    return Item(path, path, Path(path.name), named=True, sought=True)


def read_all(stream: IO[bytes], limit: int = STDIN_LIMIT) -> bytes:
    """All of `stream`, in memory: a recording must be read twice, and no raw video is written to disk.

    Raises:
        UsageError: it is a terminal.
        UnreadableInput: it is longer than `limit` bytes, closed, or cannot be read.
    """
    if stream.isatty():
        raise UsageError("standard input is a terminal: pipe a recording into this command, or name a file")
    try:
        content = stream.read(limit + 1)
    except OSError as error:
        raise UnreadableInput(f"standard input cannot be read: {system(error)}") from error
    if len(content) > limit:
        raise UnreadableInput(f"standard input is larger than {limit >> 20} MiB: give the recording as a file")
    return content


def _expand(text: str, out: Place) -> Iterator[tuple[Place | None, Path, bool]]:
    """(source, target relative to the output folder, whether named explicitly) of each input in one argument."""
    if text == STDIN:
        yield None, Path("stdin.mkv"), True
        return
    path = storage.place(text)
    if not isinstance(path, Path):
        yield from _expand_address(path, out)
        return
    try:
        is_folder, exists = path.is_dir(), path.exists()
    except OSError as error:
        raise UnreadableInput(f"cannot be read ({system(error)})", text) from error
    if is_folder:
        yield from ((file, file.relative_to(path), False) for file in _walk(path, out))
    elif exists:
        yield path, Path(path.name), True
    elif glob.has_magic(text):
        matches = sorted(Path(match) for match in glob.glob(text, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
        if not matches:
            raise UnreadableInput("no file matches this pattern", text)
        for match in matches:
            yield from _expand(glob.escape(str(match)) if match.is_dir() else str(match), out)
    else:
        raise UnreadableInput(f"no such file or folder{near(path)}", text)


def _expand_address(address: UPath, out: Place) -> Iterator[tuple[Place, Path, bool]]:
    """`_expand` for an address: a file, or all files below it, or a pattern."""
    kind = storage.kind_of(address)
    if kind == "file":
        yield address, Path(address.name), True
    elif kind == "folder":
        start, own = address.path.rstrip("/") + "/", str(out).rstrip("/") + "/"
        for file in storage.below(address):
            if not str(file).startswith(own):
                yield file, Path(file.path.removeprefix(start)), False
    elif glob.has_magic(address.path):
        matches = storage.matching(address)
        if not matches:
            raise UnreadableInput("no file matches this pattern", address)
        yield from ((match, Path(match.name), True) for match in matches)
    else:
        raise UnreadableInput("no such file or folder in this storage", address)


def _walk(folder: Path, out: Place) -> Iterator[Path]:
    """Everything below `folder`, sorted, except hidden files and what lies in `out`.

    Folders are not included, except links to folders, which are not followed, and folders that cannot be listed.

    Raises:
        UnreadableInput: `folder` itself cannot be listed.
    """
    inside = out.resolve() if isinstance(out, Path) else None
    unlisted: list[OSError] = []
    for root, folders, names in os.walk(folder, onerror=unlisted.append):
        here = Path(root)
        shown = sorted(f for f in folders if not f.startswith(".") and (here / f).resolve() != inside)
        links = [name for name in shown if (here / name).is_symlink()]
        folders[:] = [name for name in shown if name not in links]
        yield from (here / name for name in sorted([*links, *names]) if not name.startswith("."))
    for error in unlisted:
        if Path(error.filename) == folder:
            raise UnreadableInput(f"this folder cannot be listed ({system(error)})", folder) from error
        yield Path(error.filename)


def _identity(source: Place | None) -> str:
    """A key that is the same for two ways to name one file."""
    return str(source.parent.resolve() / source.name if isinstance(source, Path) else source)  # links may form a loop


def _folded(target: Path) -> str:
    """The same for names that a file system may treat as equal (case, composed letters)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", str(target)).casefold())


def _claims(target: Path) -> set[tuple[str, bool]]:
    """The names that `target` may get with another suffix: (name without suffix, whether for a picture)."""
    stem, whole = _folded(target.with_suffix("")), _folded(target)
    picture = is_picture_name(target)
    return {(stem, True), (stem, False)} if picture is None else {(stem, picture), (whole, not picture)}


def _distinct(targets: Sequence[Path]) -> list[tuple[Path, str]]:
    """`targets`, each with the name to use if its suffix changes; empty to use its own.

    No two are the same, whichever suffix each gets. A target keeps its name if it keeps its suffix, except for the
    second of two names that a file system may treat as equal. Where a changed suffix could collide with another
    target, the whole file name becomes the stem (`a.avi` becomes `a.avi.mp4` beside `a.mov`), or a number is added.

    Raises:
        UsageError: two of them are the same.
    """
    target, times = Counter(targets).most_common(1)[0] if targets else (Path(), 0)
    if times > 1:
        raise UsageError("two inputs would have this output: anonymise them in separate runs", target)
    shared = Counter(claim for target in targets for claim in _claims(target))
    taken = set(shared)
    kept: set[str] = set()

    def settled(target: Path) -> tuple[Path, str]:
        alike = _folded(target) in kept
        kept.add(_folded(target))
        if not alike and all(shared[claim] == 1 for claim in _claims(target)):
            return target, ""
        others = (target.with_name(f"{target.stem}~{number}{target.suffix}") for number in itertools.count(2))
        new = next(
            t
            for t in itertools.chain([target.with_name(f"{target.name}{target.suffix}")], others)
            if not taken & _claims(t)
        )
        taken.update(_claims(new))
        return (new, "") if alike else (target, new.name)

    return [settled(target) for target in targets]


def _checked(item: Item) -> Item:
    """`item`; raises `UsageError` if its output is its input."""
    if isinstance(item.source, Path) and isinstance(item.target, Path):
        same = item.target.exists() and item.source.samefile(item.target)
    else:
        same = str(item.source) == str(item.target)
    if same:
        link = f"{item.target} is the same file: " if str(item.source) != str(item.target) else ""
        safe = item.target.with_name(f"{item.target.stem}-safe{item.target.suffix}")
        other = "safe/" if not item.named or storage.exists(safe) else str(safe)
        raise UsageError(f"{link}the output would replace the input: write -o {shlex.quote(other)}", item.source)
    return item
