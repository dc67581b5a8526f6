"""Runs on a folder of short films, for tests of the ledger."""

from pathlib import Path
from typing import Any

from anonymize.batch import run as batch
from anonymize.batch.inputs import plan_items
from anonymize.batch.ledger import Start
from anonymize.batch.outcome import exit_code
from anonymize.settings import Settings
from anonymize.text.mapping import from_mapping
from tests.helpers.media import make_video

NAMES = ("a.mp4", "b.mp4", "sub/c.mp4")


def settings(**values: object) -> Settings:
    """Zones alone and no check, so that no detector has to look: this is about what is done, not about how."""
    zone = {"polygon": [[0, 0], [20, 0], [20, 20]]}
    quick = {"targets": [], "zones": [zone], "output": {"speed": "ultrafast"}, "verify": {"publish_unverified": True}}
    return from_mapping(Settings, {**quick, **values}, Settings())


def three_clips(tmp_path: Path) -> Path:
    """A folder with the films `NAMES`."""
    folder = tmp_path / "secret footage"
    (folder / "sub").mkdir(parents=True)
    for number, name in enumerate(NAMES):
        make_video(folder / name, frames=4 + number)
    return folder


class Seen:
    """What a run told."""

    def __init__(self, inputs: Path, out: Path, wanted: Settings | None = None, **named: Any) -> None:
        items = plan_items([str(inputs)], f"{out}/")
        outcomes = batch.run(items, wanted or settings(), on_start=self._begin, **named)
        self.by_name = {outcome.item.relative.as_posix(): outcome for outcome in outcomes}
        self.code = exit_code(outcomes)

    def _begin(self, start: Start) -> None:
        self.start = start

    @property
    def done_now(self) -> set[str]:
        return {name for name, o in self.by_name.items() if o.output and not o.before}


def facts(out: Path) -> dict[str, tuple[int, int, bytes]]:
    """What changes when a file is written or replaced."""
    files = (path for path in sorted(out.rglob("*")) if path.is_file() and not path.name.startswith("."))
    return {p.relative_to(out).as_posix(): (p.stat().st_ino, p.stat().st_mtime_ns, p.read_bytes()) for p in files}


def hidden(out: Path) -> list[str]:
    return sorted(path.name for path in out.rglob(".*"))
