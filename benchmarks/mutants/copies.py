"""Copies of the tree for tests to run in, laid out as the package is installed; the tree itself is never touched."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

BESIDE = ("cli", "presets", "samples")
"""Packages of `anonymize` that stand beside it."""


@contextmanager
def whole_copy(root: Path, build: Path) -> Iterator[Path]:
    """A copy in `build` of what git knows, or would know, of the tree; compiled, so that no run does so anew."""
    build.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="base-", dir=build, ignore_cleanup_errors=True) as scratch:
        base = Path(scratch) / "tree"
        _copy(root, base)
        yield base


def _copy(root: Path, base: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (root / name).is_file():
            (base / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, base / name)
    for name in BESIDE:
        (base / "anonymize" / name).symlink_to(Path("..") / name)
    subprocess.run([sys.executable, "-m", "compileall", "-q", "."], cwd=base, check=False, capture_output=True)


@contextmanager
def copied(base: Path) -> Iterator[Path]:
    """A copy of `base` that takes no room: files are links, so replace them, never write into them."""
    with TemporaryDirectory(prefix="mutant-", dir=base.parent, ignore_cleanup_errors=True) as scratch:
        tree = Path(scratch) / "tree"
        shutil.copytree(base, tree, symlinks=True, copy_function=os.link)
        yield tree


def environment(tree: Path, *folders: Path) -> dict[str, str]:
    """Variables with which Python takes the package from `tree`, and what stands in `folders`."""
    paths = [str(path.resolve()) for path in (tree, *folders)]
    return dict(os.environ) | {"PYTHONPATH": os.pathsep.join(paths)}
