"""What was meant where a file stands in the place of a command."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def named_like_media(word: str) -> bool:
    """Whether `word` is a file or folder, or is called as a picture or video is."""
    from anonymize.inputs import is_picture_name

    return Path(word).exists() or is_picture_name(Path(word)) is not None


def to_run(words: Sequence[str]) -> list[str]:
    """The words of a `run` that anonymises what `words`, a file and what follows it, begin with.

    Where they name no output: a name that is not taken, or a folder, which every input can go to.
    """
    from anonymize.media import is_written

    if any(word in ("-o", "--output") or word.startswith(("--output=", "-o")) for word in words):
        return ["run", *words]
    path = Path(words[0])
    safe = f"{path.stem}-safe{path.suffix}"
    several = path.is_dir() or (len(words) > 1 and named_like_media(words[1]))
    if several or not is_written(path) or Path(safe).exists():
        safe = f"{path.stem or 'footage'}-safe/"
    return ["run", *words, "-o", safe]
