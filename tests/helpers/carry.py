"""Carrying a video through source and sink for tests, as the pipeline does, without detectors."""

from collections.abc import Callable
from pathlib import Path

from anonymize.data import Frame, Timestamps
from anonymize.media import MediaInfo, Source, open_sink, open_source, output_suffix, pending
from anonymize.settings import Output
from tests.helpers.structure import check_structure

Edit = Callable[[Frame], None]


class Carried:
    """What came of it."""

    def __init__(
        self, path: Path, info: MediaInfo, notes: tuple[str, ...], times: Timestamps, failures: list[str]
    ) -> None:
        self.path = path
        self.info = info
        self.notes = notes
        self.times = times
        self.failures = failures


def carry(source: Path | bytes, target: Path, output: Output | None = None, edit: Edit | None = None) -> Carried:
    """Read `source`, write all its frames (after `edit`) to `target`, and check the result.

    Without a suffix `target` gets the one that the toolkit chooses.
    """
    output = output or Output(speed="ultrafast")
    with open_source(source) as opened:
        target = target if target.suffix else target.with_suffix(output_suffix(opened, output))
        with pending(target) as temporary:
            notes, times = _write(opened, temporary, output, edit)
            failures = check_structure(temporary, opened.info, times, output)
        return Carried(target, opened.info, notes, times, failures)


def _write(source: Source, path: Path, output: Output, edit: Edit | None) -> tuple[tuple[str, ...], Timestamps]:
    times = Timestamps()
    for _ in source.frames():  # as detection would
        pass
    with open_sink(path, source, output) as sink:
        for frame in source.frames():
            times.append(frame)
            copy = frame.writable()
            if edit is not None:
                edit(copy)
            sink.write(copy)
        sink.finish()
        return sink.notes, times
