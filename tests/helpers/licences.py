"""Licences of the installed packages against requirements/licences.toml.

`python -m tests.helpers.licences` (`make licences`) prints those that do not fit.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

REQUIREMENTS = Path(__file__).parents[2] / "requirements"
COPYLEFT = re.compile(
    r"lib(x264|x265|xvidcore|av(codec|format|filter)|heif|de265|mp3lame|gnutls|Qt\d|gfortran|quadmath)\b|binaries/ffmpeg",
    re.IGNORECASE,
)
"""Files of libraries under the GPL or LGPL that wheels of this kind carry."""


def rules() -> dict[str, Any]:
    """The content of requirements/licences.toml."""
    return tomllib.loads((REQUIREMENTS / "licences.toml").read_text(encoding="utf-8"))


def locked() -> set[str]:
    """Normalised names of all packages in requirements/*.txt."""
    rows = (line for file in REQUIREMENTS.glob("*.txt") for line in file.read_text(encoding="utf-8").splitlines())
    return {_name(match[1]) for row in rows if (match := re.match(r"([\w.-]+)(\[[\w,-]+\])?==", row))}


def installed() -> dict[str, metadata.Distribution]:
    """The locked packages that are installed here, by name."""
    found = {_name(each.metadata["Name"]): each for each in metadata.distributions()}
    return {name: found[name] for name in sorted(locked() & set(found))}


def stated(package: metadata.PackageMetadata) -> list[str]:
    """What a package calls its licence: one text, or those of its classifiers."""
    for key in ("License-Expression", "License"):
        text = (package[key] or "").strip() if key in package else ""
        if text and text != "UNKNOWN" and "\n" not in text[:200].strip():
            return [text]
    classifiers = [row.split(" :: ")[-1] for row in package.get_all("Classifier") or [] if row.startswith("License ::")]
    return [row for row in classifiers if row not in ("OSI Approved", "DFSG approved")] or [text.partition("\n")[0]]


def unfit(name: str, licences: Iterable[str], rules: Mapping[str, Any]) -> str:
    """Why the package `name` may not be here, empty if it may. Of `A OR B` one must be allowed, of `A AND B` both."""
    said = "; ".join(licences)
    parts = re.split(r"; |\s+AND\s+", said)
    if said and all(any(_allowed(one, rules) for one in re.split(r"\s+OR\s+", part)) for part in parts):
        return ""
    if name in rules["exceptions"]:
        expected = rules["exceptions"][name]["licence"]
        return "" if said == expected else f"{name}: {said!r}, where requirements/licences.toml has {expected!r}"
    return f"{name}: {said or 'no licence stated'}, which requirements/licences.toml does not allow"


def _allowed(licence: str, rules: Mapping[str, Any]) -> bool:
    licence = licence.strip(" ()")
    return rules["spellings"].get(licence.lower(), licence) in rules["allowed"]


def carried(files: Iterable[str]) -> list[str]:
    """Those of a package's `files` that are libraries or programs under the GPL or LGPL."""
    return [file for file in files if not file.endswith((".py", ".pyc", ".pyi")) and COPYLEFT.search(file)]


def faults(found: Mapping[str, metadata.Distribution], rules: Mapping[str, Any]) -> Iterator[str]:
    """A line for each package that does not fit `rules`."""
    for name, package in found.items():
        if why := unfit(name, stated(package.metadata), rules):
            yield why
        if name not in rules["carries"] and (files := carried(map(str, package.files or ()))):
            yield f"{name}: holds {', '.join(files)}: NOTICE and [carries] in requirements/licences.toml must say so"


def _name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main(tell: Callable[[str], object] = sys.stdout.write) -> int:
    """Print every fault, and how many packages were looked at."""
    found = installed()
    wrong = list(faults(found, rules()))
    tell(
        "".join(f"{line}\n" for line in wrong)
        + f"{len(found)} packages, {len(wrong)} with a licence that is not allowed\n"
    )
    return 1 if wrong or not found else 0


if __name__ == "__main__":
    sys.exit(main())
