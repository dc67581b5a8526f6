"""Open sources and sinks of every kind: images and videos."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av

from anonymize import storage
from anonymize.data import Timestamps
from anonymize.errors import ModelError, UnreadableInput, UsageError
from anonymize.media.core_dumps import no_core_dumps
from anonymize.media.protocols import Sink, Source
from anonymize.media.still.file import READ_ONLY, picture_format
from anonymize.media.still.formats.unsupported import HEAD, refuse_film, refuse_named, refuse_others
from anonymize.media.video import hardware
from anonymize.media.video.choose import ALIASES, MUXERS, choose
from anonymize.media.video.like_source import settled
from anonymize.media.video.open import Input, check_readable, head_of, input_name
from anonymize.media.video.options import options
from anonymize.media.video.sink import VideoSink
from anonymize.media.video.source import VideoSource
from anonymize.settings import Output

if TYPE_CHECKING:
    from anonymize.storage import Place


def open_source(
    source: Input,
    *,
    allow_damaged: bool = False,
    pixel_aspect: Fraction | None = None,
    also: tuple[Fraction, ...] = (),
) -> Source:
    """Open an image or a video by its content, whatever it is called.

    Args:
        source: a file, or the whole content of one as bytes.
        allow_damaged: whether `Source.frames` ends without an error if part of the input is lost.
        pixel_aspect: width over height of an upright pixel; overrides the file's.
        also: further pixel aspect ratios it may be shown with.

    Raises:
        UnreadableInput: not media, empty, encrypted, without video, or too large.
        UnsupportedInput: it cannot be carried over without changing it.
    """
    no_core_dumps()
    check_readable(source)
    head = head_of(source, HEAD)
    refuse_others(head, input_name(source))
    refuse_film(input_name(source))
    if picture_format(head):
        from anonymize.media.still.source import open_still

        return open_still(source, allow_damaged=allow_damaged, pixel_aspect=pixel_aspect, also=also)
    refuse_named(input_name(source))
    with understood(input_name(source)):
        return VideoSource(source, allow_damaged=allow_damaged, pixel_aspect=pixel_aspect, also=also)


@contextmanager
def understood(name: str) -> Iterator[None]:
    """Turn any other FFmpeg error into an `UnreadableInput` for the file `name`, and say of an error of a model that it
    was working on that file."""
    try:
        yield
    except ModelError as error:
        if error.path is not None:
            raise
        raise type(error)(error.message, name) from error
    except av.error.FFmpegError as error:
        raise UnreadableInput(
            f"FFmpeg cannot work on this file ({error.strerror}): it is damaged or unsupported", name
        ) from error


def open_video(
    path: Path,
    *,
    allow_damaged: bool = False,
    pixel_aspect: Fraction | None = None,
    also: tuple[Fraction, ...] = (),
) -> VideoSource:
    """Open the video `path` again, which `open_source` found to be a video; see there for the arguments."""
    no_core_dumps()
    return VideoSource(path, allow_damaged=allow_damaged, pixel_aspect=pixel_aspect, also=also)


def open_sink(path: Path, source: Source, output: Output) -> Sink:
    """Open `path` for writing a redacted `source`.

    Args:
        path: the file to write; its suffix selects the container.
        source: the input.
        output: what the user asked for.

    Raises:
        UsageError: files with this suffix cannot be written.
        UnsupportedInput: the container or codec cannot hold this source unchanged.
        OutputError: `path` cannot be written.
    """
    if isinstance(source, VideoSource):
        return VideoSink(path, source, output)
    from anonymize.media.still.source import open_still_sink

    return open_still_sink(path, source, output)


def is_written(path: Path) -> bool:
    """Whether the suffix of `path` is that of an output format for images or video."""
    from anonymize.media.still.source import SUFFIXES

    return path.suffix.lower() in {*SUFFIXES, *(f".{name}" for name in (*MUXERS, *ALIASES))}


def check_name(source: Source, output: Output, path: Place) -> None:
    """Check that the suffix of `path` names an output format for `source`.

    Args:
        source: the input.
        output: what the user asked for.
        path: the output as the user named it.

    Raises:
        UsageError: it has no suffix, or one that is not an output format for `source`.
        UnsupportedInput: no container can hold this source unchanged.
    """
    if isinstance(source, VideoSource):
        what, known, formats = "a video", {*MUXERS, *ALIASES}, list(MUXERS)
    else:
        from anonymize.media.still.source import SUFFIXES

        what, known = "a picture", {suffix[1:] for suffix in SUFFIXES}
        formats = list(dict.fromkeys(SUFFIXES.values()))
    suffix = path.suffix.lower().strip(".")
    if suffix in known:
        return
    proper = output_suffix(source, output)
    name = path.stem if suffix else path.name.rstrip(".")
    new = path.with_name(name + proper)
    new = path.with_name(f"{name}-safe{proper}") if storage.exists(new) else new
    if suffix:
        listed = f"{', '.join(f'.{one}' for one in formats[:-1])} or .{formats[-1]}"
        raise UsageError(f"{what} is not written as .{suffix}, but as {listed}: write -o {shlex.quote(str(new))}", path)
    folder = shlex.quote(f"{path.with_name(name)}/")
    raise UsageError(
        f"a name without a suffix selects no format: write -o {shlex.quote(str(new))}, or -o {folder} for a folder",
        path,
    )


def check_output(source: Source, output: Output, suffix: str = "") -> None:
    """Check that the output can be written, before time is spent on detection.

    Args:
        source: the input.
        output: what the user asked for.
        suffix: of the output's name if the user chose one.

    Raises:
        UsageError: files with this suffix cannot be written.
        UnsupportedInput: the container or codec cannot hold this source unchanged.
        OutputError: the requested hardware encoder cannot be used here.
    """
    if not isinstance(source, VideoSource):
        return
    target = choose(source.info, output, suffix)
    if hardware.family(target.encoder):
        settings = options(source.info, target, output)
        hardware.refuse_unless_it_opens(target.encoder, target.pixel_format, source.info.stored_size, settings)


def announced(source: Source) -> Timestamps | None:
    """Presentation timestamps of all frames of `source`, read without decoding; None where any is missing."""
    if isinstance(source, VideoSource):
        return source.announced()
    from anonymize.media.still.source import StillSource

    return source.announced() if isinstance(source, StillSource) else None


def is_picture(source: Source) -> bool:
    """Whether `source` is a picture that does not move: one frame of an image file."""
    from anonymize.media.still.source import StillSource

    return isinstance(source, StillSource) and source.info.frame_count == 1


def with_quality(source: Source, output: Output, suffix: str = "") -> Output:
    """`output` with a quality: by default, the one at which a video becomes about as large as `source`.

    Args:
        source: an input that has been read to its end.
        output: what the user asked for.
        suffix: of the output's name if the user chose one.

    Raises:
        UnsupportedInput: the container or codec cannot hold this source unchanged.
        OutputError: the encoder cannot be used.
    """
    return settled(source, output, suffix) if isinstance(source, VideoSource) else output


def output_suffix(source: Source, output: Output) -> str:
    """The default suffix, with the dot, of an output for `source`: the source's own if it can be written."""
    if isinstance(source, VideoSource):
        return f".{choose(source.info, output).container}"
    return ".png" if source.info.container in READ_ONLY else f".{source.info.container}"
