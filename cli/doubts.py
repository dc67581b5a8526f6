"""`anonymize doubts`: a person answers the doubts of a plan."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anonymize.cli.options import takes
from anonymize.errors import ExitCode, UsageError
from anonymize.kinds import Answer

if TYPE_CHECKING:
    from anonymize.review.questions import Question
    from anonymize.review.queue import Queue

ANSWERS = {"h": Answer.HIDE, "hide": Answer.HIDE, "n": Answer.NOTHING, "nothing": Answer.NOTHING}
SKIP, LEAVE = ("s", "skip"), ("q", "quit")


@takes("doubts")
def doubts(
    plan: Annotated[
        Path,
        typer.Argument(
            help="A plan from `detect`, or one that was kept beside an output.", metavar="PLAN", show_default=False
        ),
    ],
    source: Annotated[
        Path | None,
        typer.Argument(
            help="The file it was made for, for the command printed last.",
            metavar="SOURCE",
            show_default=False,
        ),
    ] = None,
    *,
    hide: str | None,
    nothing: str | None,
    by: str,
    listed: bool,
    everything: bool,
    json: bool,
) -> None:
    """Answer the doubts of a plan: hide it, or nothing to hide.

    Every answer is saved at once; the same command continues with the open ones. Then `render` the plan.

    Exits with 11 while there are open doubts, else with 0.
    """
    from anonymize.cli.render import doubts as words
    from anonymize.cli.render import output as show
    from anonymize.review.queue import Queue

    if everything and (source is None or listed or json or hide or nothing):
        raise UsageError("--everything asks on a terminal, and needs SOURCE: leave other options out")
    queue = Queue(plan)
    if source:
        queue.refuse_other(source)
    answers = {Answer.HIDE: _tracks(hide, queue), Answer.NOTHING: _tracks(nothing, queue)}
    if both := set(answers[Answer.HIDE]) & set(answers[Answer.NOTHING]):
        raise UsageError(f"track {min(both)} cannot be both: --hide or --nothing")
    for answer, tracks in answers.items():
        if tracks:
            queue.answer(tracks, answer, by)
    command = queue.going_on(source)
    if json:
        for event, facts in words.objects(queue.all(), command):
            show.as_json(event, facts)
    else:
        if listed:
            show.table(words.table(queue.all()))
        elif everything and source:
            _refuse_unattended(plan)
            _everything(source, plan, by)
            queue = Queue(plan)
        elif queue.open() and not any(answers.values()):
            _refuse_unattended(plan)
            show.say(words.begin(len(queue.open())))
            try:
                _session(queue, by)
            except KeyboardInterrupt:
                show.say("", words.left(queue.all()))
                raise
            show.say("")
        show.say(words.left(queue.all()))
        if queue.all():
            show.say("to go on:", f"  {command}")
    if queue.open():
        raise typer.Exit(ExitCode.DOUBTS)


def _tracks(given: str | None, queue: Queue) -> list[int]:
    """The track numbers in `given`, comma-separated. Raises `UsageError`."""
    if given is None:
        return []
    return _numbers(given.replace(",", " ").split(), queue.open())


def _numbers(words: Sequence[str], open_doubts: Sequence[Question]) -> list[int]:
    """The track numbers in `words`; those of all `open_doubts` for `all`. Raises `UsageError`."""
    if list(words) == ["all"]:
        return [one.number for one in open_doubts]
    if not words or not all(word.isdecimal() for word in words):
        raise UsageError(f"{' '.join(words)!r}: expected track numbers, as 3,5, or all")
    return [int(word) for word in words]


def _refuse_unattended(plan: Path) -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            f"{plan}: no terminal to ask on: answer with --hide and --nothing (`anonymize doubts "
            f"{plan} --list` lists the numbers), or run it in a terminal"
        )


def _everything(source: Path, plan: Path, by: str) -> None:
    """Ask the questions of a review, the first one each time, until all are answered or skipped, or the user quits."""
    from anonymize.cli.render import doubts as words
    from anonymize.cli.render import output as show
    from anonymize.review.review import Review

    skipped: set[str] = set()
    with Review(source, plan, by) as review:
        show.say(words.begin_everything(review.questions()["open"]))
        while waiting := [one for one in review.questions()["questions"] if one["id"] not in skipped]:
            one = waiting[0]
            show.say(*words.question(one, len(waiting), float(review.times[one["frame"]]), review.about))
            while True:
                try:
                    word = show.ask(words.PROMPT).strip().lower()
                except EOFError:
                    return
                if word in LEAVE:
                    return
                if word in SKIP:
                    skipped.add(one["id"])
                    break
                if word in ANSWERS:
                    review.answer(one["id"], ANSWERS[word].value)
                    break
                show.say(words.HELP)


def _session(queue: Queue, by: str) -> None:
    """Ask about open doubts until all are answered or skipped, or the user quits."""
    from anonymize.cli.render import doubts as words
    from anonymize.cli.render import output as show

    skipped: set[int] = set()
    count = len(queue.open())
    while waiting := [one for one in queue.open() if one.number not in skipped]:
        one = waiting[0]
        show.say(*words.asked(one, count - len(waiting) + 1, count, queue.plan.about))
        while True:
            try:
                word, *numbers = show.ask(words.PROMPT).lower().replace(",", " ").split() or [""]
            except EOFError:
                return
            if word in LEAVE and not numbers:
                return
            if word in SKIP and not numbers:
                skipped.add(one.number)
                break
            if word not in ANSWERS:
                show.say(words.HELP)
                continue
            try:
                queue.answer(_numbers(numbers, waiting) if numbers else [one.number], ANSWERS[word], by)
            except UsageError as error:
                show.say(str(error))
                continue
            break
