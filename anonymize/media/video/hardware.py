"""Hardware encoders of graphics cards: whether they are available, and their options.

There is no fallback to software. The options follow FFmpeg's documentation; they have not been measured on a card
(docs/devices.md).
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
"""Family (the suffix of FFmpeg's encoder names) -> what the machine must have."""


def family(encoder: Encoder) -> str:
    """The family of a hardware encoder, a key of `NEEDS`; empty for a software encoder."""
    name = encoder.name.rpartition("_")[2]
    return name if name in NEEDS else ""


def hardware() -> dict[Codec, Encoder]:
    """The hardware encoders by the value of `--codec` that selects them."""
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
        "b": "0",  # its default of 2 Mbit/s would limit the quality
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
    # Its scale runs from 0 to 100 (best), in FFmpeg's lambda units of 118.
    return {"flags": "+qscale", "global_quality": str(118 * round(100 - 1.75 * quality)), "allow_sw": "0"}


_OPTIONS: dict[str, Callable[[str, int, int], Options]] = {
    "nvenc": _nvenc,
    "qsv": _qsv,
    "amf": _amf,
    "videotoolbox": _videotoolbox,
}


def _of_63(quality: int) -> int:
    """A quality on x264's scale, converted to AV1's (0 to 63)."""
    return min(63, max(0, round(quality * 1.25 + 6)))


def refuse_unless_it_opens(encoder: Encoder, pixel_format: str, size: tuple[int, int], settings: Options) -> None:
    """Open a hardware encoder with the settings of the job, to find out whether it works here.

    Args:
        encoder: one of `hardware`.
        pixel_format: of the frames it will encode.
        size: their width and height in pixels.
        settings: from `options`.

    Raises:
        OutputError: it cannot be opened (`why_not` gives the reason).
    """
    why = why_not(encoder, pixel_format, size, settings)
    if why is not None:
        asked = next(codec.value for codec, one in hardware().items() if one.name == encoder.name)
        raise OutputError(
            f"--codec {asked} cannot encode {size[0]} x {size[1]} {pixel_format} here ({why}). It needs "
            f"{NEEDS[family(encoder)]}. Nothing else is taken in its place: name another, or leave --codec out"
        )


def why_not(encoder: Encoder, pixel_format: str, size: tuple[int, int], settings: Options) -> str | None:
    """FFmpeg's message if the hardware encoder cannot be opened or would run in software; None if it works.

    Args: see `refuse_unless_it_opens`.
    """
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
