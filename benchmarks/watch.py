"""How late viewers in Chromium see a camera by `webrtc:`, or by HLS, read from the clock in the picture.

A camera process plays a made clip in real time over TCP, each of its frames with a number that machines can read.
`anonymize live` sends it to viewers in a browser without a screen, who read the number of each picture as it is about
to be shown. All ends share this machine and its clock.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import typer
from playwright.sync_api import Browser, Page, sync_playwright

from anonymize.errors import UsageError
from anonymize.live.sinks.hls import SEGMENTS
from anonymize.settings import Live
from benchmarks import clock
from benchmarks.clips import BUILD, Clip
from benchmarks.live_ends import RATE, SECONDS, CameraRun, walkers_clip

MORE = 300
"""Milliseconds over the lookahead, in which 95 of 100 pictures are to be shown."""
_QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
_WARM = 20.0
"""Seconds at the beginning that do not count: detectors are loaded, what the camera sent meanwhile is worked off, and
players settle."""
_STEP = 3
"""The most numbers from one picture shown to the next; more, or none, is a repetition, or a clock that was misread."""
FOLLOW = (
    """([width, height]) => {
  const video = document.querySelector("video"), shown = (window.shown = []);
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const drawing = canvas.getContext("2d", { willReadFrequently: true });
  const look = (now, facts) => {
    drawing.drawImage(video, 0, 0, width, height, 0, 0, width, height);
    const data = drawing.getImageData(0, 0, width, height).data;
    const grey = new Uint8Array(width * height);
    for (let i = 0; i < grey.length; i++) grey[i] = (data[4 * i] + data[4 * i + 1] + data[4 * i + 2]) / 3;
    shown.push([performance.timeOrigin + Math.max(now, facts.expectedDisplayTime), clocks(grey)]);
    video.requestVideoFrameCallback(look);
  };
  // The mean of the middle of each block, as benchmarks.clock reads it.
  const clocks = (grey) => {
    const means = [];
    for (let left = LEFT; left < width; left += BLOCK) {
      let sum = 0;
      for (let y = TOP + BLOCK / 4; y < TOP + BLOCK - BLOCK / 4; y++)
        for (let x = left + BLOCK / 4; x < left + BLOCK - BLOCK / 4; x++) sum += grey[y * width + x];
      means.push(sum / (BLOCK * BLOCK / 4));
    }
    return means;
  };
  video.requestVideoFrameCallback(look);
}""".replace("BLOCK", str(clock.BLOCK))
    .replace("LEFT", str(clock.LEFT))
    .replace("TOP", str(clock.TOP))
)
"""Reads the clock of each picture that the page shows into `window.shown`: when, and the mean of each block."""
BLOCKS = (clock.LEFT + 22 * clock.BLOCK, clock.TOP + clock.BLOCK)
"""Width and height of what it reads."""
_HLS = """<!doctype html><meta charset="utf-8"><title>HLS</title><link rel="icon" href="data:,">
<video muted autoplay></video><script src="hls.js"></script>
<script>const hls = new Hls();
hls.loadSource("live.m3u8"); hls.attachMedia(document.querySelector("video"));</script>"""


def main(
    minutes: Annotated[float, typer.Option(help="For how long.")] = 1.0,
    viewers: Annotated[int, typer.Option(help="Who watch at the same time.", min=1, max=4)] = 2,
    lookahead: Annotated[float, typer.Option(help="Seconds that frames wait.")] = Live().lookahead,
    preset: Annotated[str, typer.Option(help="A preset's name or file.")] = "default",
    hls: Annotated[Path | None, typer.Option(help="By HLS instead, with this player: hls.min.js of hls.js.")] = None,
) -> None:
    """Measure and print a table; exit code 1 where pictures are later than promised."""
    clip = walkers_clip(BUILD / "cameras")
    with TemporaryDirectory(prefix="watch-", dir=BUILD) as folder:
        options = ["--lookahead", str(lookahead), "--preset", preset]
        rows = measure(clip, Path(folder), options, seconds=60 * minutes, viewers=viewers, hls=hls)
    print(f"load of this machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"{'viewer':>8} {'pictures':>9} {'read':>6} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8}")
    for number, row in enumerate(rows, 1):
        late = sorted(row.late)
        shares = [_share(late, share) for share in (0.5, 0.95, 0.99)]
        print(f"{number:>8} {row.pictures:>9} {len(late):>6} " + " ".join(f"{share:>8}" for share in shares))
    missed = hls is None and any(_share(sorted(row.late), 0.95) > 1000 * lookahead + MORE for row in rows)
    if missed:
        print(f"missed: p95 at most the lookahead and {MORE} ms", file=sys.stderr)
    raise typer.Exit(missed)


@dataclass(slots=True)
class Seen:
    """What one viewer saw.

    Args:
        pictures: shown, whether their clock could be read or not.
        late: of those that could be read, from when the camera sent it until it was shown, milliseconds.
    """

    pictures: int = 0
    late: list[float] = field(default_factory=list)


def measure(
    clip: Clip, folder: Path, options: Sequence[str], *, seconds: float, viewers: int = 2, hls: Path | None = None
) -> list[Seen]:
    """Let viewers watch `clip`, as a camera plays it, and read its clock.

    Args:
        clip: with a clock, to be played round and round.
        folder: for HLS.
        options: of `anonymize live`.
        seconds: that count.
        viewers: who watch at the same time.
        hls: by HLS, with this player.

    Raises:
        UsageError: nothing was shown.
    """
    with ExitStack() as stack:
        camera = stack.enter_context(CameraRun(clip))
        address = stack.enter_context(_live(camera.address, f"hls:{folder}" if hls else "webrtc:0", options))
        if hls:
            (folder / "index.html").write_text(_HLS, encoding="utf-8")
            shutil.copyfile(hls, folder / "hls.js")
            address = stack.enter_context(_web(folder))
        begun = camera.begun
        player = stack.enter_context(sync_playwright())
        chromium = player.chromium.launch(executable_path=shutil.which("chromium"), args=_QUIET)
        stack.callback(chromium.close)
        pages = [_watching(chromium, address, folder if hls else None) for _ in range(viewers)]
        time.sleep(_WARM)
        for page in pages:
            page.evaluate("() => { window.shown.length = 0; }")
        time.sleep(seconds)
        shown = [page.evaluate("() => window.shown") for page in pages]
        wall = time.time() - time.monotonic()
    return [_seen(one, begun + wall, round(SECONDS * RATE)) for one in shown]


def _seen(shown: Sequence[Any], begun: float, frames: int) -> Seen:
    numbers = going_on([number_of(means) for _, means in shown], frames)
    late = [
        1000 * ((at / 1000 - begun - number / RATE) % (frames / RATE))
        for (at, _), number in zip(shown, numbers, strict=True)
        if number is not None
    ]
    if not late:
        raise UsageError("no picture with a clock was shown: this machine is too slow for it, or too busy")
    return Seen(len(shown), late)


def going_on(numbers: Sequence[int | None], frames: int) -> list[int | None]:
    """What was read from pictures of a clip of so many `frames`, without what no neighbour goes on from or leads to.

    Those are pictures that were shown once more because the next was late, and clocks that a cover lies on: some of
    them pass the clock's check as another number.
    """
    good = set[int]()
    for place, (one, other) in enumerate(pairwise(numbers)):
        if one is not None and other is not None and 0 < (other - one) % frames <= _STEP:
            good |= {place, place + 1}
    return [number if place in good else None for place, number in enumerate(numbers)]


def number_of(means: Sequence[float]) -> int | None:
    """What the clock says, given the mean of each of its blocks."""
    picture = np.zeros((clock.TOP + clock.BLOCK, clock.LEFT + clock.BLOCK * len(means)), np.uint8)
    for place, mean in enumerate(means):
        picture[:, clock.LEFT + clock.BLOCK * place : clock.LEFT + clock.BLOCK * (place + 1)] = round(mean)
    return clock.read(picture)


def _share(ordered: Sequence[float], share: float) -> int:
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))])


def _watching(chromium: Browser, address: str, folder: Path | None) -> Page:
    """A window in which the picture is shown, and its clock read."""
    page = chromium.new_context().new_page()
    if folder is not None:
        until, playlist = time.monotonic() + 120, folder / "live.m3u8"
        while not playlist.exists() or playlist.read_text(encoding="utf-8").count("#EXTINF") < SEGMENTS:
            if time.monotonic() > until:  # a viewer comes to a stream that has been there for a while
                raise UsageError("no whole playlist was written: this machine is too slow for it, or too busy")
            time.sleep(0.1)
    page.goto(address)
    page.wait_for_function("() => document.querySelector('video').videoWidth > 0", timeout=120_000)
    page.evaluate(FOLLOW, list(BLOCKS))
    return page


@contextmanager
def _live(source: str, sink: str, options: Sequence[str]) -> Iterator[str]:
    """`anonymize live`; the address of the page for viewers, if there is one."""
    command = [sys.executable, "-m", "anonymize", "live", source, "--to", sink, *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        address, said = "", []
        for line in process.stderr:
            said.append(line)
            found = re.match(r"watch: (\S+)", line)
            address = found[1] if found else address
            if '"source open"' in line:
                break
        else:
            raise UsageError(f"live ended: {''.join(said[-3:])}")
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield address
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _web(folder: Path) -> Iterator[str]:
    """A web server for `folder`."""

    class Quiet(SimpleHTTPRequestHandler):
        def guess_type(self, path: Any) -> str:
            """What players take a playlist for."""
            return "application/vnd.apple.mpegurl" if str(path).endswith(".m3u8") else super().guess_type(path)

        def log_message(self, *_: Any) -> None:
            """Nothing is said of a request."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    typer.run(main)
