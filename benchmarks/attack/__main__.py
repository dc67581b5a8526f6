"""Attack the redaction, and write what came out into ``docs/threat-model.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated

import cv2
import typer

from benchmarks.attack import faces, plates
from benchmarks.attack.averaging import attack as rebuild
from benchmarks.attack.averaging import portrait, strip
from benchmarks.attack.draw import STYLES
from benchmarks.attack.page import Guessed, insert, section
from benchmarks.clips import DATA, face_clips

DOCS = Path(__file__).parents[2] / "docs"
VIEWS = 1800
"""Redacted crops to learn from in all, as many of everyone."""
EPOCHS = 12
VIEWED = (
    (", by the inside of the cover alone", False, tuple(STYLES)),
    (", by the whole picture with the cover in it", True, ("clear (control)", "solid", "mosaic, 8 cells")),
)
"""What the attacker sees, and the styles that are tried."""
PLATES = (4000, 400)
"""Drawn plates to learn from, and to read."""
PLATE_EPOCHS = 7
CONTROL = 5.0
"""Times chance that the clear control must reach; else the attack is too weak to mean anything."""

app = typer.Typer(add_completion=False, help=__doc__)


@app.command()
def main(
    data: Annotated[
        Path, typer.Option(help="Where the annotated stills are; without them the sample film is used.")
    ] = DATA,
    output: Annotated[Path, typer.Option("--output", help="The folder of threat-model.md and attack.png.")] = DOCS,
) -> None:
    """Run all three attacks (about ten minutes on two cores; needs `pip install --group training`)."""
    face = portrait()
    rebuilt = list(rebuild(face))
    guessed = []
    for one in chain(_people(data), _plates()):
        print(f"{one.attack}, {one.style}: {one.share:.1%} right, {one.verdict} ({one.chance:.1%})", flush=True)
        guessed.append(one)
    weak = [one for one in guessed if "control" in one.style and one.share < min(CONTROL * one.chance, 0.9)]
    if weak:
        print(f"the attack is too weak: {weak[0].attack}, clear: {weak[0].share:.1%} right", file=sys.stderr)
        raise typer.Exit(1)
    insert(output / "threat-model.md", section(rebuilt, guessed, _about(guessed)))
    cv2.imwrite(
        str(output / "attack.png"), cv2.resize(strip(rebuilt, face), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    )


def _people(data: Path) -> Iterator[Guessed]:
    """Telling people apart, in every style."""
    from benchmarks.attack.net import guesses

    splits = [faces.from_clips(face_clips(data=data))]
    if (data / "faces" / "annotations.jsonl").exists():
        splits.insert(0, faces.from_recordings(data / "faces"))
    for split in splits:
        if split.people < 2:
            print(f"{split.name}: only {split.people}, left out")
            continue
        for view, whole, styles in VIEWED:
            for style, draw in ((name, STYLES[name]) for name in styles):
                learn = faces.inputs(split.learn, draw, seed=0, each=VIEWS // split.people, whole=whole)
                pictures, who = faces.inputs(split.guess, draw, seed=1, whole=whole)
                right = guesses(learn, pictures, split.people, epochs=EPOCHS)[:, 0] == who
                rates = [float(right[who == person].mean()) for person in range(split.people)]
                yield Guessed(f"Telling {split.people} {split.name} apart{view}", style, 1 / split.people, rates)


def _plates() -> Iterator[Guessed]:
    """Reading plates, in every style; a plate's own is always solid."""
    from benchmarks.attack.net import guesses

    for style, draw in STYLES.items():
        learn = plates.inputs(PLATES[0], draw, seed=0)
        pictures, texts = plates.inputs(PLATES[1], draw, seed=1)
        right = guesses(learn, pictures, len(plates.SIGNS), epochs=PLATE_EPOCHS) == texts
        rates = [float(row.mean()) for row in right]
        yield Guessed("Reading letters and digits of drawn plates", style, plates.chance(), rates)


def _about(guessed: list[Guessed]) -> list[str]:
    """What the tables do not say by themselves."""
    plates_read = len(guessed[-1].rates)
    return [
        "The motion is known exactly to whoever rebuilds the face; the portrait is NASA's of Eileen Collins.",
        "By the inside alone, solid is at chance by construction: nothing is there to see.",
        "The whole picture tells what is left beside the cover (hair, clothes, place; over stills the very picture).",
        "People in recordings move, turn and cover their faces; over stills the attacker holds the very picture.",
        f"Intervals draw whole people, or plates ({plates_read}), again and again.",
        "A stronger network, or more pictures of the people in question, would do better where it is above chance.",
    ]


if __name__ == "__main__":
    app()
