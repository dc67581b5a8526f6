"""A whole run over wide pictures with small faces at every border: they are gone on every frame, and little else is."""

from pathlib import Path

import numpy as np
import pytest

from anonymize.batch.inputs import only_item
from anonymize.recorded import job
from anonymize.settings import Settings
from anonymize.text.mapping import from_mapping
from tests.helpers.media import make_video, read_video
from tests.track.test_wide import BRIGHT, FACE, SIZES, Lit, picture, places

FRAMES = 9


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_small_faces_at_every_border_are_gone_on_every_frame(size: tuple[int, int], tmp_path: Path) -> None:
    """They come at the second frame and go before the last one."""
    there = list(places(*size).values())
    shown = [picture(*size, there if 1 <= i < FRAMES - 1 else ()) for i in range(FRAMES)]
    lossless = {"crf": "0", "preset": "ultrafast"}
    clip = make_video(
        tmp_path / "in.mkv", frames=[np.repeat(one[..., None], 3, axis=2) for one in shown], options=lossless
    )
    settings = from_mapping(
        Settings,
        {
            "targets": ["faces"],
            "detect": {"min_face": FACE, "detectors": ["centerface"]},
            "output": {"codec": "ffv1"},
            "verify": {"publish_unverified": True},
        },
    )
    done = job.run(only_item(str(clip), str(tmp_path / "out.mkv")), settings, detectors=[Lit()])
    assert done.report.redacted["tracks"]["face"] == len(there)
    before, after = read_video(clip), read_video(tmp_path / "out.mkv")
    assert len(before) == len(after) == FRAMES
    for index, (one, other) in enumerate(zip(before, after, strict=True)):
        assert (one[..., 0] > BRIGHT).any() == (1 <= index < FRAMES - 1), "they are there to be covered"
        assert not (other[..., 0] > BRIGHT).any(), f"frame {index}"
        differs = (one != other).any(axis=2)
        for x0, y0, x1, y1 in there:
            margin = round(1.3 * FACE)
            left, top = max(int(x0) - margin, 0), max(int(y0) - margin, 0)
            differs[top : int(y1) + margin, left : int(x1) + margin] = False
        assert not differs.any(), f"frame {index}: more is covered than the faces"
