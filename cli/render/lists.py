"""Tables and lists: tracks, models, machine checks, signatures, evaluations, the state of a run."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from anonymize.cli.render import ledger
from anonymize.cli.render.output import as_json, note, say, table

if TYPE_CHECKING:
    from pathlib import Path

    from anonymize.batch.ledger import Status
    from anonymize.evaluate import Evaluation
    from anonymize.models import Model, ModelState
    from anonymize.plan import Plan
    from anonymize.recorded.item import Item
    from anonymize.report.doctor import Finding
    from anonymize.report.sign import CheckedSignature

_TRACKS = 40
"""Maximum number of tracks listed one by one."""
_DROPPED = ("where", "size", "score")
"""Columns left out of the table of tracks on a narrow terminal."""


def track_table(plan: Plan, listed: Sequence[Mapping[str, Any]]) -> None:
    """Print a table of the most important tracks, with fewer columns on a narrow terminal.

    Args:
        plan: the plan that holds the tracks.
        listed: its subjects, as `anonymize.report.subjects` returns them.
    """
    from anonymize.report import tracks

    shown = tracks.first_to_see(listed, _TRACKS)
    if not shown:
        return
    rows = [tracks.HEAD, *(tracks.row(subject, plan) for subject in shown)]
    columns = [number for number in range(len(tracks.HEAD)) if any(row[number] for row in rows[1:])]
    width = 2 + sum(max(5 * (number == 0), *(len(row[number]) for row in rows)) + 2 for number in columns)
    dropped = _DROPPED if width >= shutil.get_terminal_size().columns else ()
    columns = [number for number in columns if tracks.HEAD[number] not in dropped]
    table([["  " + row[columns[0]].rjust(5), *(row[number] for number in columns[1:])] for row in rows])
    parts = [f"and {len(listed) - len(shown)} more"] if len(listed) > len(shown) else []
    parts += [", ".join(dropped)] if dropped else []
    if parts:
        say(f"  {'; '.join(parts)}: --page, --json")


def status(folder: Path, found: Status, *, machine: bool) -> None:
    """Print the state of a run.

    Args:
        folder: output folder of the run.
        found: what its ledger says.
        machine: print JSON.
    """
    if machine:
        as_json("status", {"output": str(folder), **asdict(found)})
    else:
        say(*ledger.status(folder, found))


def models(listed: Sequence[Model], states: Mapping[str, ModelState], *, machine: bool) -> None:
    """Print every registered model with its facts.

    Args:
        listed: the models.
        states: whether each is installed and unaltered, by name.
        machine: print JSON.
    """
    for model in listed:
        facts = {
            "finds": ", ".join(kind.label for kind in model.kinds),
            "state": states[model.name].value,
            "licence": model.licence,
            "sha256": model.sha256,
            "source": model.source,
            "trained on": model.trained_on,
            "recall": model.recall,
            "install": model.install,
        }
        if machine:
            as_json("model", {"name": model.name, **facts})
        else:
            say(model.name, *(f"  {name:<11} {fact}" for name, fact in facts.items()))


def findings(found: Sequence[Finding]) -> None:
    """Print what `doctor` found."""
    table([("ok" if finding.ok else "PROBLEM", finding.name, finding.detail) for finding in found])


def demo(item: Item, comparison: Path) -> None:
    """Print where `demo` put its files."""
    say("")
    table(
        [
            ("the sample, as a camera would give it:", str(item.source)),
            ("the same, anonymised and checked:", str(item.target)),
            ("one frame of both, side by side:", str(comparison)),
        ]
    )


def signature(report: Path, checked: CheckedSignature, *, machine: bool) -> None:
    """Print whose valid signature a report bears, and which files were compared with it.

    Args:
        report: file of the report.
        checked: the signature.
        machine: print JSON.
    """
    if machine:
        facts = {"report": str(report), "key": checked.key, "known": checked.known, "compared": checked.files}
        as_json("signature", facts)
        return
    whose = "the key you named" if checked.known else "a key that nobody vouched for: give the signer's with --key"
    say(f"{report}: the signature holds", f"  signed with {checked.key},", f"  {whose}")
    for name in checked.files:
        say(f"  the {name} is the file it describes")
    if missing := [name for name in ("source", "output") if name not in checked.files]:
        say(f"  not compared: the {' and the '.join(missing)}")


def evaluated(name: str, found: Evaluation, *, machine: bool) -> None:
    """Print the evaluation of one file.

    Args:
        name: of the file.
        found: its evaluation.
        machine: print JSON.
    """
    if machine:
        as_json("file", {"name": name, **found.as_dict()})
    else:
        note(f"{name}: {found.total.leaked} of {found.total.boxes} boxes leaked")


def evaluated_all(results: Sequence[tuple[str, Evaluation]], *, machine: bool) -> None:
    """Print the evaluation of all files together, as a table with a row for each group."""
    from anonymize.evaluate import combine

    total = combine(found for _, found in results)
    facts = total.as_dict()
    if machine:
        as_json("total", {"files": len(results), **facts})
        return
    groups = {"all": facts["total"], **facts["by_kind"]}
    groups |= {f"{name} px": score for name, score in facts["by_height"].items() if score["boxes"]}
    rows = [("", "leak", "95%", "boxes", "exposed", "95%", "subjects")]
    for name, score in groups.items():
        leak = (_percent(score["leak_rate"]), _interval(score["leak_interval"]), str(score["boxes"]))
        exposed = (_percent(score["exposed_rate"]), _interval(score["exposed_interval"]), str(score["subjects"]))
        rows.append((name, *leak, *exposed))
    table(rows)
    say(f"collateral {_percent(total.collateral)}, {total.frames} frames, {total.uncounted} boxes not counted")


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _interval(interval: Sequence[float] | None) -> str:
    return "-" if interval is None else f"{interval[0]:.1%}-{interval[1]:.1%}"
