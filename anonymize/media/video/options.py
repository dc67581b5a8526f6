"""Options of the encoders: one quality and speed scale for all, and no encoder information in the stream."""

from __future__ import annotations

import math
import os
from fractions import Fraction

import av
from av.codec.context import Flags
from av.video.stream import VideoStream

from anonymize.media.clock.presentation import written_origin
from anonymize.media.protocols import FieldOrder, Hdr, MediaInfo
from anonymize.media.video import hardware
from anonymize.media.video.choose import Target
from anonymize.settings import Output

SPEEDS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
"""x264's presets, fastest first; the position selects the settings of other encoders."""

MIDDLE = 20
"""Default quality, which `like_source` tries first."""
_REPEATABLE = "MMX2,SSE2,SSE2Fast,SSE3,SSSE3,SSE4,SSE4.2,Cache64,LZCNT,AVX,FMA3,BMI1,BMI2,AVX2"
"""Instruction sets x264 may use on a processor with AVX-512. With AVX-512 itself, its macroblock tree reads past the
end of rows whose width is not a multiple of 256 pixels, and the output differs from run to run."""
_AVX512_SKX = 256
"""OpenCV's number of this feature (cv::CpuFeatures), which its Python module does not name."""
_HUGE = 4096 * 2304
"""Pixels of a frame above which an encoder must not hold several of them."""
_MOST_REORDERED = 4
"""Frames by which decoding runs ahead of presentation in our encoders' output, at most."""
_FIELDS = {FieldOrder.PROGRESSIVE: 1, FieldOrder.TOP_FIRST: 2, FieldOrder.BOTTOM_FIRST: 3}


def set_up(stream: VideoStream, info: MediaInfo, target: Target, output: Output) -> None:
    """Configure a new output stream.

    Args:
        stream: of an open output container.
        info: the source.
        target: container and encoder.
        output: what the user asked for.
    """
    context = stream.codec_context
    stream.width, stream.height = info.stored_size
    stream.pix_fmt = target.pixel_format
    context.time_base = info.time_base
    stream.time_base = track_time_base(info.time_base)
    if info.sample_aspect_ratio:
        context.sample_aspect_ratio = info.sample_aspect_ratio
    context.color_primaries, context.color_trc = info.colour.primaries, info.colour.transfer
    context.color_range = info.colour.range
    context.colorspace = info.colour.matrix
    context.thread_count = threads_for(info.width, info.height)
    if info.field_order is not FieldOrder.PROGRESSIVE:
        context.flags |= Flags.interlaced_dct | Flags.interlaced_me
        context.field_order = _FIELDS[info.field_order]
    begins = written_origin(info, target.container) + info.start
    if target.container == "ts" and begins * (info.average_rate or 25) < _MOST_REORDERED:
        # With B-frames, decoding timestamps would start before zero, which MPEG-TS cannot store.
        context.max_b_frames = 0
    if info.display_matrix is not None:
        stream.set_display_matrix(info.display_matrix)
    stream.options = {**options(info, target, output), **_chroma(info)}


def _chroma(info: MediaInfo) -> dict[str, str]:
    """The option for the chroma sample location, unless it is the default of all codecs."""
    default = info.chroma_location in ("unspecified", "left")
    return {} if default else {"chroma_sample_location": info.chroma_location}


def track_time_base(time_base: Fraction) -> Fraction:
    """The time base of the output's track: one over a whole number, in which `time_base` is exact.

    Anything finer than 0.1 microseconds is rounded to that: MP4 cannot store pauses of minutes in finer ticks.
    """
    return Fraction(1, min(time_base.denominator, 10_000_000))


def options(info: MediaInfo, target: Target, output: Output) -> dict[str, str]:
    """The encoder's private options."""
    speed = speed_index(output.speed)
    quality = MIDDLE if output.quality is None else output.quality
    name = target.encoder.name
    if hardware.family(target.encoder):
        return hardware.options(target.encoder, quality, speed)
    if name in ("libx264", "libx264rgb"):
        chosen = {"crf": str(quality), "preset": SPEEDS[speed], "a53cc": "0", "udu_sei": "0"}
        params = [f"asm={_REPEATABLE}"] if _has_avx512() else []
        if _huge(info):  # 30 bytes per pixel, where veryfast's own lookahead takes 70
            params += ["sliced-threads=1", "rc-lookahead=0", "sync-lookahead=0", "mbtree=0"]
            return chosen | {"refs": "1", "bf": "0", "x264-params": ":".join(params)}
        chosen |= {"x264-params": ":".join(params)} if params else {}
        return chosen | ({"rc-lookahead": str(_lookahead(info, 40))} if speed >= SPEEDS.index("fast") else {})
    if name == "libx265":
        params = ["log-level=none", "info=0", "frame-threads=1", *_x265_planning(info), *_x265_hdr(info.hdr)]
        return {"crf": str(min(51, quality + 3)), "preset": SPEEDS[speed], "x265-params": ":".join(params)}
    if name == "libvpx-vp9":
        fast = speed <= 1
        return {
            "crf": str(_to_63(quality)),
            "b": "0",
            "deadline": "realtime" if fast else "good",
            "cpu-used": str((8, 7, 5, 5, 4, 3, 2, 1, 0)[speed]),
            "row-mt": "1",
            "lag-in-frames": str(_lookahead(info, 25)),
        }
    if name == "libsvtav1":
        os.environ.setdefault("SVT_LOG", "1")  # errors only: the encoder writes to standard error itself
        chosen = {"crf": str(max(1, _to_63(quality))), "preset": str((12, 11, 10, 9, 8, 7, 5, 4, 2)[speed])}
        planning = ["pred-struct=1", "lookahead=0", "lp=1"] if _huge(info) else []
        params = [*planning, *_svt_hdr(info.hdr)]
        return chosen | ({"svtav1-params": ":".join(params)} if params else {})
    if name == "prores_ks":
        return {"profile": "hq" if "422" in target.pixel_format else "4444", "vendor": "apl0", "alpha_bits": "16"}
    # FFV1's checksums need slices, for which small frames are too small.
    return {"level": "3", "g": "1", "slicecrc": "1"} if min(info.width, info.height) >= 64 else {"level": "1", "g": "1"}


def _has_avx512() -> bool:
    """Whether this processor has the AVX-512 extensions x264 uses (F, CD, BW, DQ, VL), and so all earlier ones."""
    import cv2  # already loaded at this point

    return bool(cv2.checkHardwareSupport(_AVX512_SKX))


def speed_index(speed: str) -> int:
    """The position of `speed` in `SPEEDS`; that of medium for an unknown value."""
    return SPEEDS.index(speed) if speed in SPEEDS else SPEEDS.index("medium")


def _to_63(quality: int) -> int:
    """A quality on x264's scale, converted to that of VP9 and AV1 (0 to 63)."""
    return min(63, max(0, round(quality * 1.25 + 6)))


def threads_for(width: int, height: int) -> int:
    """Threads for decoding or encoding: each holds its own frames, so large frames get fewer."""
    shares = ((1280 * 720, 16), (1920 * 1088, 8), (_HUGE, 4), (math.inf, 2))
    return min(os.cpu_count() or 1, next(count for pixels, count in shares if width * height <= pixels))


def _huge(info: MediaInfo) -> bool:
    """Whether frames are over 4K."""
    return info.width * info.height > _HUGE


def _lookahead(info: MediaInfo, most: int) -> int:
    """Frames an encoder may hold for lookahead: fewer if they are large, at the cost of a few per cent of file size."""
    pixels = info.width * info.height
    return most if pixels <= 1280 * 720 else most // 2 if pixels <= 1920 * 1088 else most // 3


def _x265_planning(info: MediaInfo) -> list[str]:
    """x265's lookahead: it holds 50 bytes or more per pixel for every frame in it."""
    pixels = info.width * info.height
    if pixels <= 1280 * 720:
        return ["rc-lookahead=20"]
    if _huge(info):
        return ["rc-lookahead=0", "bframes=0", "ref=1"]
    return ["rc-lookahead=6", "bframes=3"] if pixels <= 1920 * 1088 else ["rc-lookahead=4", "bframes=0", "ref=2"]


def _x265_hdr(hdr: Hdr | None) -> list[str]:
    if hdr is None:
        return []
    params = []
    if hdr.primaries is not None and hdr.luminance is not None:
        red, green, blue, white = [f"({round(x * 50000)},{round(y * 50000)})" for x, y in hdr.primaries]
        low, high = (round(value * 10000) for value in hdr.luminance)
        params.append(f"master-display=G{green}B{blue}R{red}WP{white}L({high},{low})")
    if hdr.light_level is not None:
        params.append(f"max-cll={hdr.light_level[0]},{hdr.light_level[1]}")
    return params


def _svt_hdr(hdr: Hdr | None) -> list[str]:
    if hdr is None:
        return []
    params = []
    if hdr.primaries is not None and hdr.luminance is not None:
        red, green, blue, white = [f"({float(x):.5f},{float(y):.5f})" for x, y in hdr.primaries]
        low, high = (float(value) for value in hdr.luminance)
        params.append(f"mastering-display=G{green}B{blue}R{red}WP{white}L({high:.4f},{low:.4f})")
    if hdr.light_level is not None:
        params.append(f"content-light={hdr.light_level[0]},{hdr.light_level[1]}")
    return params


def field_marker(info: MediaInfo, first: av.VideoFrame) -> av.filter.Graph | None:
    """A filter graph that sets the field order of frames, since PyAV cannot; None for progressive video."""
    if info.field_order is FieldOrder.PROGRESSIVE:
        return None
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=first.width, height=first.height, format=first.format, time_base=first.time_base or info.time_base
    )
    mark = graph.add("setfield", "tff" if info.field_order is FieldOrder.TOP_FIRST else "bff")
    sink = graph.add("buffersink")
    source.link_to(mark)
    mark.link_to(sink)
    graph.configure()
    return graph
