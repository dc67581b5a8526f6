"""How quick the page of `anonymize review` is, in headless Chromium: what a person waits for.

Times are taken in the page itself, from the key that is pressed until the browser has drawn what it asked for. An edit
is on the disk before the page shows it: the server answers after it was written.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from anonymize import plan, report
from anonymize.data import Kind, Region, Shape, Why
from anonymize.plan import About, Plan, Regions
from benchmarks.clips import BUILD, Clip, demo_clip, long_clip
from benchmarks.process import MIB

PROGRAM = (sys.executable, "-c", "from anonymize.cli import main; main()")
TRACKS, EACH = 5000, 80
"""Of the long film: tracks, and the regions of each."""
JUMPS, STEPS, EDITS = 60, 100, 40
SECONDS = 8.0
"""Of playback, and of scrolling."""
PLACES = {"list": "list", "lanes": "time"}
"""What is scrolled, and the name of its element."""
WATCH = """() => {
  const canvas = document.getElementById("picture");
  const draw = CanvasRenderingContext2D.prototype.drawImage;
  window.drawn = 0;
  CanvasRenderingContext2D.prototype.drawImage = function (...given) {
    draw.apply(this, given);
    if (this.canvas === canvas) { window.drawn += 1; window.onDrawn?.(); }
  };
  window.until = (act) => new Promise((resolve) => {
    const began = performance.now();
    window.onDrawn = () => requestAnimationFrame(() => { window.onDrawn = null; resolve(performance.now() - began); });
    act();
  });
}"""
"""Counts the pictures drawn, and tells how long the next one takes."""
GO = """async (frames) => {
  const { go } = await import("/page/state.js");
  const found = [];
  for (const frame of frames) {
    found.push(await window.until(() => go(frame)));
    if (%s) await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return found;
}"""
EDIT = """async (count) => {
  const { state, undo } = await import("/page/state.js");
  const found = [];
  for (let number = 0; number < count; number++) {
    const badge = () => document.querySelector(`#track-${state.selected} .badge`)?.textContent;
    const before = badge();
    const began = performance.now();
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "n", bubbles: true }));
    while (badge() === before) await new Promise(requestAnimationFrame);
    found.push(performance.now() - began);
    await undo();
    while (badge() !== before) await new Promise(requestAnimationFrame);
  }
  return found;
}"""
SCROLL = """async ([seconds, place]) => {
  const list = document.getElementById(place);
  const began = performance.now();
  let frames = 0, longest = 0, last = began;
  while (performance.now() - began < 1000 * seconds) {
    if (place === "list") list.scrollTop += 60;
    else list.dispatchEvent(new WheelEvent("wheel", { deltaY: 20, bubbles: true, cancelable: true }));
    await new Promise(requestAnimationFrame);
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
    frames += 1;
  }
  return [(1000 * frames) / (last - began), longest];
}"""


def film(lines: int, seconds: int, *, build: Path = BUILD) -> Path:
    """The sample film again and again, with a key frame every two seconds; made once."""
    target = build / "screen" / f"{lines}-{seconds}.mp4"
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part.mp4")
    size = (round(lines * 16 / 9), lines)
    with av.open(str(part), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.options = {"crf": "21", "preset": "veryfast", "g": "50", "keyint_min": "50", "sc_threshold": "0"}
        for index, frame in zip(range(25 * seconds), _again(demo_clip(build=build)[0].video), strict=False):
            picture = frame.reformat(*size, "yuv420p")
            picture.pts, picture.time_base = index, Fraction(1, 25)
            out.mux(stream.encode(picture))
        out.mux(stream.encode())
    part.replace(target)
    return target


def _again(source: Path) -> Iterator[av.VideoFrame]:
    while True:
        with av.open(str(source)) as container:
            yield from container.decode(video=0)


def planned(source: Path, target: Path, tracks: int, each: int) -> Path:
    """A plan of `source` with so many faces, each on so many frames, drawn by a seed."""
    with av.open(str(source)) as container:
        stream = container.streams.video[0]
        frames, width, height = stream.frames, stream.width, stream.height
    rolls = np.random.default_rng(0)

    def rows() -> Iterator[tuple[int, int, Region]]:
        for track in range(tracks):
            first = int(rolls.integers(0, frames - each + 1))
            x, y, side = rolls.uniform(0, width - 40), rolls.uniform(0, height - 40), rolls.uniform(12, 40)
            score = float(rolls.uniform(0.2, 0.95))
            for row in range(each):
                why = Why.DETECTED if row % 3 == 0 else Why.INTERPOLATED
                box = (x + row / 20, y, x + row / 20 + side, y + side)
                yield first + row, first + row + 1, Region(box, Kind.FACE, why, track, Shape.ELLIPSE, score=score)

    about = About(report.sha256(source), frames, width, height)
    plan.write(Plan(about, Regions(rows())).marked(), target)
    return target


@contextmanager
def served(source: Path, made: Path) -> Iterator[tuple[str, psutil.Process]]:
    """`anonymize review` with this plan: the address of its page, and its process."""
    command = [*PROGRAM, "review", str(source), "--plan", str(made), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            line = next(line for line in process.stdout if line.startswith("review: "))
            yield line.removeprefix("review: ").strip(), psutil.Process(process.pid)
        finally:
            process.terminate()


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser of this machine."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as player:
        launched = player.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield launched
        launched.close()


@contextmanager
def opened(browser: Browser, address: str) -> Iterator[tuple[Page, float]]:
    """The page of a review, and after how many seconds its picture and its list were there."""
    context = browser.new_context(viewport={"width": 1920, "height": 1080})
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.add_init_script(f"addEventListener('DOMContentLoaded', {WATCH})")
    began = time.perf_counter()
    page.goto(address)
    page.locator(".row").first.wait_for()
    # The page's policy forbids what `wait_for_function` does where it has to wait.
    page.evaluate("async () => { while (!window.drawn) await new Promise(requestAnimationFrame); }")
    taken = time.perf_counter() - began
    page.wait_for_timeout(1000)
    yield page, taken
    context.close()


def jumps(page: Page, frames: int) -> dict[str, Any]:
    """Milliseconds to the picture of any frame, and to that of the next one."""
    rolls = np.random.default_rng(1)
    far = page.evaluate(GO % "true", rolls.integers(0, frames, JUMPS).tolist())
    first = int(rolls.integers(0, frames - STEPS))
    near = page.evaluate(GO % "false", list(range(first, first + STEPS)))
    return {"jump": spread(far), "next": spread(near[1:])}


def playback(page: Page) -> float:
    """Pictures a second while it plays."""
    page.evaluate("import('/page/state.js').then(({ go }) => go(0))")
    page.wait_for_timeout(1000)
    page.keyboard.press("Space")
    page.wait_for_timeout(1000)
    before = page.evaluate("window.drawn")
    page.wait_for_timeout(1000 * SECONDS)
    return float((page.evaluate("window.drawn") - before) / SECONDS)


def measure(scratch: Path) -> dict[str, Any]:
    """All figures."""
    found: dict[str, Any] = {}
    with chromium() as browser:
        large = film(1080, 40)
        with (
            served(large, planned(large, scratch / "large.jsonl", 20, 200)) as (address, _),
            _on(browser, address) as page,
        ):
            found |= jumps(page, 40 * 25)
        small = film(720, 40)
        with (
            served(small, planned(small, scratch / "small.jsonl", 20, 200)) as (address, _),
            _on(browser, address) as page,
        ):
            found["playback"] = playback(page)
        short = film(180, 40)
        long = long_clip(Clip(short, short), 180)
        made = planned(long, scratch / "long.jsonl", TRACKS, EACH)
        with served(long, made) as (address, server), opened(browser, address) as (page, usable):
            found["usable"] = usable
            found |= {name: page.evaluate(SCROLL, [SECONDS, place]) for name, place in PLACES.items()}
            page.locator(".row").first.click()
            page.wait_for_timeout(1000)
            found["edit"] = spread(page.evaluate(EDIT, EDITS))
            found["server_mib"] = peak(server)
    return found


@contextmanager
def _on(browser: Browser, address: str) -> Iterator[Page]:
    with opened(browser, address) as (page, _):
        yield page


def spread(milliseconds: Iterable[float]) -> list[float]:
    """The median and the 95th percentile."""
    return [round(float(value), 1) for value in np.percentile(list(milliseconds), [50, 95])]


def peak(process: psutil.Process) -> float:
    """The most memory that a process held so far, in MiB."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii").splitlines()
    (line,) = (line for line in status if line.startswith("VmHWM"))
    return round(int(line.split()[1]) * 1024 / MIB, 1)


def rows(found: dict[str, Any]) -> Sequence[Sequence[str]]:
    """The figures beside what they should be."""
    jump, near, edit = found["jump"], found["next"], found["edit"]
    return [
        [
            "any frame of 1080p, key frames every 2 s: picture on the screen",
            f"{jump[0]:.0f} ms, {jump[1]:.0f} ms",
            "150 ms, 400 ms",
        ],
        ["the next frame", f"{near[0]:.0f} ms, {near[1]:.0f} ms", "40 ms"],
        ["playback of 720p at 25 frames/s", f"{found['playback']:.1f} pictures/s", "20 pictures/s"],
        [
            f"2 hours, {TRACKS:,} tracks, {TRACKS * EACH:,} regions: list and picture there",
            f"{found['usable']:.1f} s",
            "2 s",
        ],
        [
            "scrolling its list; longest frame",
            f"{found['list'][0]:.0f} frames/s; {found['list'][1]:.0f} ms",
            "50 frames/s",
        ],
        [
            "scrolling its lanes; longest frame",
            f"{found['lanes'][0]:.0f} frames/s; {found['lanes'][1]:.0f} ms",
            "50 frames/s",
        ],
        ["an edit of it, from the key to the screen, saved", f"{edit[0]:.0f} ms, {edit[1]:.0f} ms", "50 ms"],
        ["memory of its server, at most", f"{found['server_mib']:.0f} MiB", "600 MB"],
    ]
