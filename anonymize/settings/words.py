"""The words of settings: each of these has a few values, and no other."""

from collections.abc import Mapping
from enum import StrEnum

from anonymize.text.words import Word


class Style(Word):
    """How a region is redacted. The functions are in `anonymize.redact`."""

    SOLID = "solid"
    MOSAIC = "mosaic"
    BLUR = "blur"

    @classmethod
    def also(cls) -> Mapping[str, str]:
        """See `Word.also`."""
        return {"pixelate": "mosaic", "pixelated": "mosaic", "black": "solid", "box": "solid", "gaussian": "blur"}


class Audio(Word):
    """What happens to the audio."""

    KEEP = "keep"
    MUTE = "mute"

    @classmethod
    def also(cls) -> Mapping[str, str]:
        """See `Word.also`."""
        return {"copy": "keep", "none": "mute", "drop": "mute"}


class Codec(Word):
    """The video encoder of the output; `auto` follows the source's bit depth, colour and container.

    Names with a suffix are hardware encoders (`anonymize.media.video.hardware`), which `auto` never chooses.
    """

    AUTO = "auto"
    H264 = "h264"
    H265 = "h265"
    AV1 = "av1"
    VP9 = "vp9"
    FFV1 = "ffv1"
    PRORES = "prores"
    H264_NVENC = "h264-nvenc"
    H265_NVENC = "h265-nvenc"
    AV1_NVENC = "av1-nvenc"
    H264_QSV = "h264-qsv"
    H265_QSV = "h265-qsv"
    AV1_QSV = "av1-qsv"
    H264_AMF = "h264-amf"
    H265_AMF = "h265-amf"
    AV1_AMF = "av1-amf"
    H264_VIDEOTOOLBOX = "h264-videotoolbox"
    H265_VIDEOTOOLBOX = "h265-videotoolbox"

    @classmethod
    def also(cls) -> Mapping[str, str]:
        """See `Word.also`."""
        h264, h265 = ("x264", "libx264", "avc"), ("x265", "libx265", "hevc")
        others = {"libvpx-vp9": "vp9", "libsvtav1": "av1"}
        return others | dict.fromkeys(h264, "h264") | dict.fromkeys(h265, "h265")


class Device(Word):
    """Where networks run. `anonymize.models.devices` maps each to onnxruntime, and lists what `auto` tries."""

    CPU = "cpu"
    CUDA = "cuda"
    TENSORRT = "tensorrt"
    OPENVINO = "openvino"
    OPENVINO_GPU = "openvino-gpu"
    COREML = "coreml"
    DIRECTML = "directml"
    AUTO = "auto"


class Doubts(Word):
    """What happens to an output that passes with doubts."""

    RELEASE = "release"
    FAIL = "fail"


class Unbracketed(StrEnum):
    """What happens to a frame that is due before two detections bracket it."""

    OBSCURE = "obscure"
    """It is released black, with a notice on it."""
    DROP = "drop"
    """It is not released."""


class Transport(StrEnum):
    """How an RTSP camera sends its packets."""

    AUTO = "auto"
    """TCP; where the camera does not offer it UDP, then multicast."""
    TCP = "tcp"
    UDP = "udp"
    MULTICAST = "multicast"
