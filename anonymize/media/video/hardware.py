"""Encoders that are part of a graphics card: whether they are there, and how they are set up.

Nothing is encoded by software in their place. Their settings follow FFmpeg's documentation; no card has been at hand to
measure them (docs/devices.md).
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import av
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext

from anonymize.errors import OutputError
from anonymize.media.damage.complaints import listening
from anonymize.media.video.encoders import BY_NAME, Encoder
from anonymize.settings import Codec

Options = dict[str, str]

NEEDS = {
    "nvenc": "an NVIDIA card with its driver",
    "qsv": "Intel graphics with its driver (on Linux the packages intel-media-va-driver and libmfx-gen1.2 or libvpl2)",
    "amf": "an AMD card with its driver (on Linux amf-amdgpu-pro)",
    "videotoolbox": "a Mac",
}
"""Family, as the ends of FFmpeg's names have it -> what must be on the machine."""


def family(encoder: Encoder) -> str:
    """The family of a hardware encoder, a key of `NEEDS`; empty for one that runs on the processor."""
    name = encoder.name.rpartition("_")[2]
    return name if name in NEEDS else ""


def hardware() -> dict[Codec, Encoder]:
    """The hardware encoders that can be asked for, by the name they are asked for by."""
    return {codec: encoders[0] for codec, encoders in BY_NAME.items() if family(encoders[0])}


def options(encoder: Encoder, quality: int, speed: int) -> Options:
    """The private options of a hardware encoder.

    Args:
        encoder: one of `hardware`.
        quality: 0 (best) to 51, on x264's scale.
        speed: 0 (fastest) to 8, the position in `anonymize.media.video.options.SPEEDS`.
    """
    return _OPTIONS[family(encoder)](encoder.codec, quality, speed)


def _nvenc(codec: str, quality: int, speed: int) -> Options:
    level = {"h264": quality, "hevc": min(51, quality + 3), "av1": _of_63(quality)}[codec]
    return {
        "preset": ("p1", "p1", "p2", "p3", "p3", "p4", "p5", "p6", "p7")[speed],
        "tune": "hq",
        "rc": "vbr",
        "b": "0",  # its default of 2 Mbit/s would stand beside the quality
        "cq": str(max(1, level)),  # 0 leaves the choice to the card
        "a53cc": "0",
        "extra_sei": "0",
    }


def _qsv(codec: str, quality: int, speed: int) -> Options:
    presets = ("veryfast", "veryfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
    level = quality if codec == "h264" else min(51, quality + 3)
    return {"preset": presets[speed], "global_quality": str(max(1, level))} | (
        {"a53cc": "0"} if codec == "h264" else {}
    )


def _amf(codec: str, quality: int, speed: int) -> Options:
    level = {"h264": quality, "hevc": min(51, quality + 3), "av1": 4 * _of_63(quality)}[codec]
    words = "speed" if speed < 4 else "balanced" if speed < 6 else "quality"
    return {"quality": words, "rc": "cqp", "qp_i": str(level), "qp_p": str(level)}


def _videotoolbox(_codec: str, quality: int, _speed: int) -> Options:
    # Its scale goes from 0 to 100 (best), in FFmpeg's units of 118.
    return {"flags": "+qscale", "global_quality": str(118 * round(100 - 1.75 * quality)), "allow_sw": "0"}


_OPTIONS: dict[str, Callable[[str, int, int], Options]] = {
    "nvenc": _nvenc,
    "qsv": _qsv,
    "amf": _amf,
    "videotoolbox": _videotoolbox,
}


def _of_63(quality: int) -> int:
    """x264's quality scale on that of AV1."""
    return min(63, max(0, round(quality * 1.25 + 6)))


def refuse_unless_it_opens(encoder: Encoder, pixel_format: str, size: tuple[int, int], settings: Options) -> None:
    """Open a hardware encoder as it will be used, and close it again.

    Args:
        encoder: one of `hardware`.
        pixel_format: of the pictures that it will get.
        size: their width and height.
        settings: what `options` gave.

    Raises:
        OutputError: `why_not` says why.
    """
    why = why_not(encoder, pixel_format, size, settings)
    if why is not None:
        asked = next(codec.value for codec, one in hardware().items() if one.name == encoder.name)
        raise OutputError(
            f"--codec {asked} cannot encode {size[0]} x {size[1]} {pixel_format} here ({why}). It needs "
            f"{NEEDS[family(encoder)]}. Nothing else is taken in its place: name another, or leave --codec out"
        )


def why_not(encoder: Encoder, pixel_format: str, size: tuple[int, int], settings: Options) -> str | None:
    """In FFmpeg's words why a hardware encoder cannot be opened, or would do its work by software; None if it can."""
    if encoder.name not in av.codecs_available:
        return "this FFmpeg was built without it"
    context = CodecContext.create(encoder.name, "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height = size
    context.pix_fmt = pixel_format
    context.time_base, context.framerate = Fraction(1, 25), Fraction(25)
    context.options = dict(settings)
    with listening() as lines:
        try:
            context.open()
        except (av.error.FFmpegError, OSError, ValueError) as error:
            return next((line for _, _, line in lines), str(error)).strip()
    return next((line.strip() for _, _, line in lines if "software" in line), None)
