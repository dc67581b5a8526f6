"""What was meant where a file stands in the place of a command."""

from __future__ import annotations

import shlex
from pathlib import Path


def named_like_media(word: str) -> bool:
    """Whether `word` is a file or folder, or is called as a picture or video is."""
    from anonymize.inputs import is_picture_name

    return Path(word).exists() or is_picture_name(Path(word)) is not None


def suggested(word: str) -> str:
    """The command that anonymises the file or folder `word`."""
    path = Path(word)
    safe = f"{path.name or 'footage'}-safe/" if path.is_dir() else f"{path.stem}-safe{path.suffix}"
    return f"anonymize run {shlex.quote(word)} -o {shlex.quote(safe)}"
