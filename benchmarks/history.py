"""Which commit figures were taken on, and whether what they measure has changed since."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
_FILES = (
    *("anonymize", "presets", "samples"),
    *(f":(exclude)anonymize/{room}" for room in ("batch", "live", "pages", "report", "review", "web", "verify")),
    *(f"benchmarks/{name}.py" for name in ("clips", "compare", "process", "tools")),
)
"""What decides the leak, collateral and speed of a file."""
MEASURED: dict[str, Sequence[str]] = {
    **dict.fromkeys(
        ("faces", "faces1080", "faces2160", "curve", "plates", "plates1080", "plates2160", "memory"), _FILES
    ),
    **dict.fromkeys(("fixed", "fixed_real"), (*_FILES, "benchmarks/fixed.py", "benchmarks/street.py")),
    "short": (*_FILES, "benchmarks/short.py"),
    "real": (*_FILES, "benchmarks/real.py"),
    "startup": ("anonymize", "cli", "presets"),
    "live": ("anonymize", "presets", "benchmarks/live.py", "benchmarks/live_ends.py", "benchmarks/street.py"),
    "verify": (*_FILES, "anonymize/verify", "benchmarks/verify.py", "benchmarks/planted.py"),
    "review": (*_FILES, "anonymize/review", "benchmarks/review.py"),
    "screen": ("anonymize/review", "anonymize/plan", "anonymize/media", "anonymize/web", "benchmarks/screen.py"),
    "planted": (*_FILES, "anonymize/verify", "benchmarks/planted.py"),
    "mutants": (
        "anonymize/settings",
        *(f"anonymize/{room}" for room in ("track", "redact", "plan", "verify", "recorded", "live", "batch", "media")),
    ),
    "attack": ("anonymize/redact", "benchmarks/attack"),
}
"""Paths by section of results: a commit that changes one of them makes the section's figures old."""


@dataclass(frozen=True, slots=True)
class ChangesSince:
    """What happened since figures were taken: so many commits, the last one's short hash and day."""

    commits: int
    last: str
    day: str


def commit() -> str:
    """The commit that is checked out, shortened; with a ``+`` if files differ from it, empty if there is none."""
    head = _git("rev-parse", "--short", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return f"{head}+" if head and changed else head or ""


def changed_since(taken_on: str, paths: Sequence[str]) -> ChangesSince | None:
    """What changed in `paths` since the commit `taken_on`; None if nothing did.

    Raises:
        LookupError: this checkout does not know that commit.
    """
    since = taken_on.removesuffix("+")
    if not since or _git("merge-base", "--is-ancestor", since, "HEAD") is None:
        raise LookupError(f"commit {taken_on or '(none)'} is not in the history of this checkout")
    found = (_git("log", "--format=%h %cs", f"{since}..HEAD", "--", *paths) or "").splitlines()
    return ChangesSince(len(found), *found[0].split()) if found else None


def _git(*words: str) -> str | None:
    """What git answers; None if it fails or is not there."""
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
