"""What the soak draws and how it judges: the hour itself is `make soak`."""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from multiprocessing import resource_tracker
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import av
import numpy as np
import psutil
from av.video.stream import VideoStream

from benchmarks import clock, soak
from tests.helpers.live import Luma, street_scene


def test_a_camera_and_a_detector_are_told_from_the_tracker_of_resources() -> None:
    """Every process that `multiprocessing` starts names the tracker's file in its command."""
    child = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,))
    child.start()
    resource_tracker.ensure_running()
    try:
        main = psutil.Process()
        kinds = Counter(soak._kind_of(one, main) for one in (main, *main.children()))
        assert kinds["supervisor"] == 1
        assert kinds["camera"] >= 1
        assert kinds["resource tracker"] == 1
        assert soak._kind_of(psutil.Process(child.pid), main) == "camera"
        assert soak._kind_of(psutil.Process(child.pid), psutil.Process(1)) == "detector"
    finally:
        child.kill()
        child.join()


def _write(path: Path, pictures: list[Luma]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=soak.RATE, options={"crf": "10"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = *soak.SIZE, "yuv420p"
        for luma in pictures:
            frame = av.VideoFrame.from_ndarray(np.repeat(luma[..., None], 3, 2), "bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_a_segment_may_begin_with_the_last_picture_of_the_one_before_and_with_nothing_else_unknown(
    tmp_path: Path,
) -> None:
    shown = np.repeat(street_scene()[0][0][: soak.SIZE[1], : soak.SIZE[0]].mean(axis=2)[..., None], 3, 2)
    shown = np.ascontiguousarray(shown.astype(np.uint8))
    clock.draw(shown, 0)
    shown[300:350, 500:600] = 0
    scene = shown[..., 0]
    covered, other = scene.copy(), scene.copy()
    covered[:, :400] = 60  # the clock, too
    other[:, :400] = np.linspace(60, 200, 400)
    folder = tmp_path / "one"
    folder.mkdir()
    made = SimpleNamespace(
        folder=tmp_path,
        cameras={"one": SimpleNamespace(wrong_by=lambda *_: 0.0)},
        faces=False,
        memory=[(0.0, 1.0), (60.0, 1.0)],
        samples={},
    )

    def unknown(begins_with: Luma) -> list[str]:
        _write(folder / "a.mp4", [scene, scene])
        _write(folder / "b.mp4", [begins_with])
        return [line for line in soak.judge(cast(soak.Soak, made)) if "neither" in line]

    assert unknown(covered) == []
    assert not list(tmp_path.glob("*.png"))
    assert unknown(other) == ["1 pictures show neither the scene with its number nor a notice"]
    assert len(list(tmp_path.glob("unknown-1-one-b-*.png"))) == 1
