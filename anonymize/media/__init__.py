"""Read and write video, images and sound: the only package that knows FFmpeg and Pillow."""

from anonymize.media.open import (
    announced,
    check_name,
    check_output,
    is_picture,
    is_written,
    open_sink,
    open_source,
    open_video,
    output_suffix,
    understood,
    with_quality,
)
from anonymize.media.protocols import AudioInfo, Colour, FieldOrder, Hdr, MediaInfo, Sink, Source
from anonymize.media.video.choose import Target
from anonymize.media.video.coder import EncodedPacket, Head, coded
from anonymize.media.video.like_source import Trial, trial
from anonymize.media.video.open import check_readable
from anonymize.media.video.segments import CannotCut, Cut, PassTraits, Segment, cut_up
from anonymize.media.video.sink import VideoSink
from anonymize.media.video.source import VideoSource
from anonymize.storage.commit import check_room, check_target, make_folder, pending, publish

__all__ = [
    "AudioInfo",
    "CannotCut",
    "Colour",
    "Cut",
    "EncodedPacket",
    "FieldOrder",
    "Hdr",
    "Head",
    "MediaInfo",
    "PassTraits",
    "Segment",
    "Sink",
    "Source",
    "Target",
    "Trial",
    "VideoSink",
    "VideoSource",
    "announced",
    "check_name",
    "check_output",
    "check_readable",
    "check_room",
    "check_target",
    "coded",
    "cut_up",
    "is_picture",
    "is_written",
    "make_folder",
    "open_sink",
    "open_source",
    "open_video",
    "output_suffix",
    "pending",
    "publish",
    "trial",
    "understood",
    "with_quality",
]
