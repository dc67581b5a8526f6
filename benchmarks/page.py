"""The page that people read, from the results: every share with what it is a share of, and its 95% interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from anonymize.evaluate.interval import Interval, leak_interval, share_interval
from benchmarks import ran
from benchmarks.real import COVERED
from benchmarks.report import COMPARED, table

HEIGHTS = ("12-16", "16-32", "32-64", "64+")
FEW = 10
"""Below so many subjects counts are shown, no percentage: of one person nothing follows."""
UNMEASURED = {
    "curve": "`python -m benchmarks curve`: peers at each of their settings, leak against collateral; two hours",
    "plates1080": "`python -m benchmarks plates --lines 1080`",
    "plates2160": "`python -m benchmarks plates --lines 2160`",
    "fixed_real": "`python -m benchmarks fixed`, its real recording: no face is in view on its labelled frames, so "
    "that there is no leak to measure; `real` looks at its covers",
    "real": "`python -m benchmarks real`: what is covered of the labelled frames of real clips, and what for nothing",
    "startup": "`python -m benchmarks startup`",
}
"""What this page would hold if it had been run, by section."""
DEVELOPMENT = "*Development clips: thresholds were chosen on these.*"

INTRODUCTION = """# Benchmark results

Made by `python -m benchmarks faces | plates | curve | fixed | short | real | verify | review | screen | memory |
startup` and by `make mutants`; do not edit. Its figures are in `results.json`; `python -m benchmarks check` marks those
older than the last change of what they measure, unless some of their clips, run again, came out the same. All tools of
a table ran on the same clips in the same run, clip by clip, each as a whole process by the command in its row, model
load included. Speeds are medians over the clips; how a tool compares with a plain transcode of the same clip on the
same machine says more than its frames per second.

- **leak**: share of box-frames in which the detail of a face or plate survived, measured from pixels.
- **exposed**: subjects that leaked on at least one frame. One frame is enough to identify someone.
- **collateral**: share of the detail elsewhere in the picture that was lost.
- **memory**: peak of the largest process / of all its processes together, MiB.
- **in brackets**: the 95% interval, over subjects and for collateral over clips
  ([how](../docs/evaluate.md#confidence-intervals)). With fewer than ten subjects there are counts alone.

In the same run, a plain transcode leaked 100% and a whole-frame blur leaked 0% at 100% collateral; otherwise there
would be no page.
"""


def render(results: Mapping[str, Any], runs: Mapping[str, Mapping[str, Any]] | None = None) -> str:
    """Write the page for all sections there are; `runs` are those of tests elsewhere (`ran.read`)."""
    parts = [INTRODUCTION]
    if "held_out" in results:
        parts.append(_held_out(results["held_out"]))
    parts.extend(_compared(name, results[name]) for name in COMPARED if name in results)
    several = (
        ("real", _real),
        ("verify", _verify),
        ("review", _review),
        ("screen", _screen),
        ("memory", _memory),
        ("startup", _startup),
        ("mutants", _mutants),
    )
    for name, write in several:
        if name in results:
            parts.append(write(results[name]))
    if missing := [text for name, text in UNMEASURED.items() if name not in results]:
        parts.append("## Not run\n\nNo figures are kept of these:\n\n" + "".join(f"- {text}\n" for text in missing))
    if runs:
        parts.append(ran.section(runs))
    return "\n".join(parts)


def compared_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write the table of a comparison, one line a tool; `rows` as `benchmarks.compare.summary` makes them."""
    head = ["command", "leak", *(f"{name} px" for name in HEIGHTS), "exposed", "collateral"]
    counted = next(row for row in rows if "total" in row)
    scores = [counted["total"], *(counted["by_height"][name] for name in HEIGHTS)]
    n = [f"{one['boxes']:,} of {_people(one['subjects'])}" for one in scores]
    first = ["*n: box-frames, subjects, blocks*", *n, f"{counted['total']['subjects']:,}", f"{counted['blocks']:,}"]
    lines = [[*first, *["-"] * 4], *(_compared_row(row, counted) for row in rows)]
    return table([*head, "frames/s", "× transcode", "memory", "failed"], lines)


def share(hits: int, total: int, interval: Interval | None, trials: int) -> str:
    """A share as people read it: with its interval, or as counts if there were few `trials`."""
    if not total:
        return "-"
    if trials < FEW or interval is None:
        return f"{hits:,} of {total:,}"
    return f"{percent(hits / total)} ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})"


def percent(value: float) -> str:
    """As the page writes it."""
    return f"{value:.1%}"


def _compared(name: str, section: Mapping[str, Any]) -> str:
    rows = section["rows"]
    counted = next(row for row in rows if "total" in row)
    about = (
        f"{section['clips']} clip{'s' * (section['clips'] > 1)} ({section['source']}), {counted['frames']:,} frames, "
        f"{counted['total']['boxes']:,} box-frames of {_people(counted['total']['subjects'])}; "
        f"{counted['uncounted']:,} box-frames more were not counted (ignored, less than half in view, "
        "under 12 px, or without detail)."
    )
    failed = "".join(f"- {row['tool']} failed on {line}\n" for row in rows for line in row["failures"])
    skipped = "".join(f"- left out: {line}\n" for line in section["skipped"])
    remarks = "".join(f"{line}\n" for line in section.get("remarks", ()))
    notes = "\n".join(part for part in (remarks, failed, skipped) if part)
    return f"## {name.capitalize()}\n\n{_where(section)}\n\n{about}\n\n{compared_table(rows)}\n{notes}"


def _compared_row(row: Mapping[str, Any], counted: Mapping[str, Any]) -> list[str]:
    name, failed = f"`{row['command']}` ({row['tool']} {row['version']})", str(len(row["failures"]))
    if "total" not in row:
        return [name, *["-"] * 10, failed]
    total = row["total"]
    shares = [_leak(one) for one in (total, *(row["by_height"][key] for key in HEIGHTS))]
    if total["boxes"] != counted["total"]["boxes"]:
        shares[0] += f", n {total['boxes']:,}"
    exposed = f"{total['exposed']}/{total['subjects']}"
    if total["subjects"] >= FEW:
        exposed += f": {share(total['exposed'], total['subjects'], total['exposed_interval'], total['subjects'])}"
    return [
        name,
        *shares,
        exposed,
        _collateral(row),
        f"{row['fps']:.1f}" if "fps" in row else "-",
        f"{row['times_transcode']:.1f}" if "fps" in row else "-",
        f"{row['largest_mib']:.0f} / {row['together_mib']:.0f}",
        failed,
    ]


def _leak(score: Mapping[str, Any]) -> str:
    return share(score["leaked"], score["boxes"], score["leak_interval"], score["subjects"])


def _collateral(row: Mapping[str, Any]) -> str:
    """The share of all blocks; its interval over clips, where there are enough of them."""
    if row["collateral"] is None:
        return "-"
    clips = [(clip["blocks"], clip["lost"]) for clip in row["clips"] if "blocks" in clip]
    if len(clips) < FEW:
        return percent(row["collateral"])
    return share(row["lost"], row["blocks"], leak_interval(clips), len(clips))


def _held_out(section: Mapping[str, Any]) -> str:
    """What others measured, on clips that nobody here has."""
    rows = [
        [
            row["what"],
            row["tool"],
            row["figure"],
            f"{row['hits']} of {row['of']}" + (f": {_shared(row['hits'], row['of'])}" if row["of"] >= FEW else ""),
        ]
        for row in section["rows"]
    ]
    head = ["clips", "tool", "share of box-frames, or of the picture", "subjects, and 95% interval"]
    return f"## Held-out clips\n\n{section['about']}\n\n{table(head, rows)}"


def _shared(hits: int, of: int) -> str:
    return share(hits, of, share_interval(hits, of), of)


def real_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write the table of `benchmarks.real`: what is covered of labelled frames, and what for nothing."""
    head = ["preset", *(f"{kind}s" for kind in COVERED), "false cover", "covered", "worst clips"]
    lines = []
    for row in rows:
        kinds = [_of(*row["kind"][kind]) if kind in row["kind"] else "-" for kind in COVERED]
        ordered = sorted(row["worst"].items(), key=lambda one: -one[1])  # the file of results sorts by name
        worst = ", ".join(f"{name} {share:.1%}" for name, share in ordered)
        lines.append([f"`{row['preset']}`", *kinds, f"{row['false']:.2%}", f"{row['covered']:.2%}", worst])
    return table(head, lines)


def _real(section: Mapping[str, Any]) -> str:
    rows = section["rows"]
    about = (
        f"{rows[0]['clips']} real clips, {rows[0]['frames']} frames labelled by hand. A box counts as covered from 90% "
        "of its area on, a head from 85%; a cover is false outside every labelled box grown by 60% a side and outside "
        "every ignored area. `municipal` and `journalist` look for heads, no preset for persons. By height and view: "
        "`results.json`."
    )
    skipped = "".join(f"- left out: {line}\n" for line in section["skipped"])
    return f"## Real\n\n{_where(section)}\n\n{about}\n\n{real_table(rows)}\n{skipped}"


def verify_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write the table of `benchmarks.verify`: those whom the tool missed, and what became of them."""
    head = [
        "clips",
        "preset",
        "missed, of",
        "stopped (exit 7) or repaired",
        "named as a doubt",
        "named as a place to look at (among the first five of its output)",
        "let pass",
        "false alarms",
        "places to look at",
    ]
    lines = [
        [
            row["clips"],
            f"`{row['preset']}`",
            f"{row['missed']} of {_people(row['subjects'])}",
            *(_of(row[key], row["missed"]) for key in ("stopped", "doubts")),
            _of(row["named"], row["missed"]) + (f"; {row['named_first']}" if row["missed"] else ""),
            f"{_of(row['passed'], row['missed'])}"
            + (f", {row['passed_in_failed']} of them in an output that failed" if row["passed_in_failed"] else ""),
            f"{row['false_alarms']} of {row['clean']} outputs without a miss failed, {row['clean_doubts']} had doubts",
            f"{row['places']} in {row['outputs']} outputs of {row['seconds']:.0f} s in all",
        ]
        for row in rows
    ]
    return table(head, lines)


def _verify(section: Mapping[str, Any]) -> str:
    about = (
        "Whom detection itself missed (pixels decide: subjects that leak on any frame), and whether the check of the "
        "output noticed. A doubt is released by `default`; `journalist` and `municipal` fail an output with doubts. "
        "What was found too faintly to be covered is named as a place to look at: `run` prints the likeliest five, its "
        "report lists them, and `anonymize review` asks about each."
    )
    skipped = "".join(f"- left out: {line}\n" for line in section["skipped"])
    return f"## Verify\n\n{_where(section)}\n\n{about}\n\n{verify_table(section['rows'])}\n{skipped}"


def review_table(sets: Sequence[Mapping[str, Any]]) -> str:
    """Write the table of `benchmarks.review`: what is left after so many answers of a person."""
    lines = [
        [
            f"{one['count']} clips of {one['clips']}",
            str(row["after"]),
            f"{row['leaked']:,} of {row['boxes']:,}",
            _of(row["exposed"], row["subjects"]),
            percent(row["lost"] / row["blocks"]) if row["blocks"] else "-",
        ]
        for one in sets
        for row in one["rows"]
    ]
    return table(["clips", "answers a clip, at most", "leaked box-frames", "exposed subjects", "collateral"], lines)


def _review(section: Mapping[str, Any]) -> str:
    about = (
        "A scripted reviewer answers the queue of `anonymize review`, the first question each time, from the truth: "
        "`hide` where somebody is at the place that is shown, `nothing` elsewhere. Then the plan is drawn and pixels "
        "decide."
    )
    given = "".join(
        f"- {one['clips']}: {', '.join(f'{count} {name}' for name, count in one['answers'].items())}; "
        f"{one['left']} questions left\n"
        for one in section["sets"]
    )
    return f"## Review\n\n{_where(section)}\n\n{about}\n\n{review_table(section['sets'])}\n{given}"


def screen_table(rows: Sequence[Sequence[str]]) -> str:
    """Write the table of `benchmarks.screen`."""
    return table(["what a person waits for", "median, 95th percentile", "at most; at least"], rows)


def _screen(section: Mapping[str, Any]) -> str:
    about = "The page of `anonymize review` in headless Chromium on the same machine, without a graphics processor."
    return f"## Review page\n\n{_where(section, clips=False)}\n\n{about}\n\n{screen_table(section['rows'])}"


def _of(hits: int, of: int) -> str:
    low, high = share_interval(hits, of) or (0.0, 1.0)
    return f"{hits} of {of} ({100 * low:.0f}% to {100 * high:.0f}%)" if of else "-"


def _memory(section: Mapping[str, Any]) -> str:
    rows = [
        [
            f"`{row['command']}` ({row['tool']})",
            row["size"],
            *(str(row["frames"][i]) for i in (0, 1)),
            *(f"{row['largest_mib'][i]:.0f} / {row['together_mib'][i]:.0f}" for i in (0, 1)),
            f"{row['largest_mib'][1] / row['largest_mib'][0]:.2f}",
        ]
        for row in section["rows"]
    ]
    head = ["command", "size", "frames", "frames, long", "memory", "memory, long", "long / short"]
    failed = "".join(f"- {line}\n" for line in section["failures"])
    return f"## Memory\n\n{_where(section)}\n\n{table(head, rows)}\n{failed}"


def _startup(section: Mapping[str, Any]) -> str:
    rows = [[f"`{row['command']}`", f"{row['seconds']:.2f} s"] for row in section["rows"]]
    return f"## Start\n\n{_where(section, clips=False)} Medians.\n\n{table(['command', 'wall time'], rows)}"


def mutants_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write the table of mutation testing, one line a room; `rows` as `benchmarks.mutants` counts them."""
    lines = []
    for row in rows:
        counted = row["drawn"] - row["equivalent"]
        killed = share(row["killed"], counted, share_interval(row["killed"], counted), counted)
        lines.append([row["room"], ", ".join(str(row[word]) for word in ("seed", "commit") if word in row)])
        lines[-1] += [str(row.get(word, "?")) for word in ("drawn", "equivalent", "first", "killed")]
        lines[-1] += [killed, *(str(row[word]) for word in ("harmless", "hole", "not judged"))]
    head = ["room", "seed, commit", "drawn", "equivalent", "killed at first", "killed"]
    return table([*head, "killed of those that are not equivalent", "harmless", "hole", "not judged"], lines)


def _mutants(section: Mapping[str, Any]) -> str:
    return (
        f"## Mutants\n\n{_where(section, clips=False)} Small faults put into the code one at a time, drawn by a seed, "
        "each tried with the tests that run what was changed. What survived was judged by hand "
        "(`mutants/judged.toml`), and tests for the holes were written by whoever had read it: the figure that nobody "
        "worked towards is `killed at first`, before those tests (? where it was not kept).\n\n"
        f"{mutants_table(section['rows'])}"
    )


def _where(section: Mapping[str, Any], *, clips: bool = True) -> str:
    """Command, commit, day and machine; whether the clips are those that thresholds were chosen on; what is old."""
    m = section["machine"]
    stale = f"**Stale: {section['stale']['reason']}.**\n\n" if "stale" in section else ""
    again = ""
    if same := section.get("again"):
        which = f"clip{'s' * (len(same['clips']) != 1)} {', '.join(same['clips'])}"
        again = (
            f"\n\nOurs on {which} came out the same on "
            f"commit {same['commit']}, {same['date']}: every box-frame and every block. Speed and memory were not "
            "measured again."
        )
    return (
        f"{DEVELOPMENT + chr(10) * 2 if clips else ''}{stale}"
        f"`{section['command']}`, commit {section['commit']}, {section['date']}, {m['cores']} cores of {m['cpu']}, "
        f"{m['memory_gib']} GiB, {m['system']}, Python {m['python']}, load {m['load']} at the end.{again}"
    )


def _people(count: int) -> str:
    return f"{count:,} subject{'s' * (count != 1)}"
