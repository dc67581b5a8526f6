"""Reading and writing pictures and sound: the only room that knows FFmpeg and Pillow."""

from anonymize.media.choose import Target
from anonymize.media.coder import Coded, Head, coded
from anonymize.media.commit import check_room, check_target, make_folder, pending, publish
from anonymize.media.like_source import Trial, trial
from anonymize.media.open import (
    announced,
    check_name,
    check_output,
    is_written,
    open_sink,
    open_source,
    open_video,
    output_suffix,
    understood,
    with_quality,
)
from anonymize.media.protocols import AudioInfo, Colour, FieldOrder, Hdr, MediaInfo, Sink, Source
from anonymize.media.reader import check_readable
from anonymize.media.segments import CannotCut, Cut, Segment, Traits, cut_up
from anonymize.media.sink import VideoSink
from anonymize.media.video import VideoSource

__all__ = [
    "AudioInfo",
    "CannotCut",
    "Coded",
    "Colour",
    "Cut",
    "FieldOrder",
    "Hdr",
    "Head",
    "MediaInfo",
    "Segment",
    "Sink",
    "Source",
    "Target",
    "Traits",
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
