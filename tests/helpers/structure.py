"""The structure check of an output alone, without detectors or a plan."""

from pathlib import Path

from anonymize.data import Timestamps
from anonymize.errors import AnonymizeError
from anonymize.media import MediaInfo, VideoSource, open_source
from anonymize.settings import Output
from anonymize.verify.structure import TimeComparison, Wanted, is_picture, of_picture, of_video


def check_structure(path: Path, source: MediaInfo, times: Timestamps, output: Output) -> list[str]:
    """What is wrong with the output at `path`, made from `source` with frames at `times`."""
    wanted = Wanted(source, times, output)
    if is_picture(path):
        return of_picture(path, wanted)
    clock = TimeComparison(times)
    try:
        with open_source(path) as result:
            if isinstance(result, VideoSource):
                result.timed_as_output_of(source)
            for frame in result.frames():
                clock.see(frame)
            found = result.info
    except AnonymizeError as error:
        return [f"it cannot be read back: {error}"]
    return [*clock.failures(), *of_video(path, found, wanted)]
