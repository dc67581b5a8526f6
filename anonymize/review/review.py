"""A source and its plan, as a person looks at them and corrects them. `anonymize.review.app` serves it to a page."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from anonymize import media, report, storage
from anonymize.data import Timestamps
from anonymize.errors import AnonymizeError, InputError, PlanError, UsageError
from anonymize.kinds import Answer
from anonymize.plan import Plan
from anonymize.plan.doubts import check_name
from anonymize.plan.edits import Edit, EditError, Judge
from anonymize.plan.values import check_version
from anonymize.recorded.kept import ENDING, output_of
from anonymize.report.files import name_beside
from anonymize.review import overview
from anonymize.review.answers import Answering
from anonymize.review.asked import Asking
from anonymize.review.besides import heads_of, said
from anonymize.review.pictures import Pictures, cut_out, jpeg, published
from anonymize.review.publish import Publishing, publish
from anonymize.review.questions import Questions
from anonymize.review.record import Record
from anonymize.review.session import EditSession
from anonymize.review.sound import Sound
from anonymize.settings import Audio

MOST_FRAMES = 250
"""The most frames whose regions are asked for at a time."""
THUMB = 104
"""Pixels of each side of a track's small picture."""
AT_ONCE = 100
"""Tracks about which questions are thought of at a time."""
MOST = 200
"""The most questions sent to the page at a time."""


class Review:
    """`source` and the plan in the file `made`, open until `close`.

    Args:
        source: the file that the plan was made for.
        made: the plan.
        by: who reviews, as they wish to be called; written with every edit.
        drop_torn: see `EditSession`.

    Raises:
        Torn: the plan's last line was cut off while it was written.
        PlanError: the plan was made for another file, cannot be written, or is open elsewhere.
        InputError: the source cannot be read.
    """

    def __init__(self, source: Path, made: Path, by: str = "", *, drop_torn: bool = False) -> None:
        self.path, self.plan_path, self._by = source, made, by
        self._identity = _identity(source)
        self._refused: tuple[object, ...] | None = None
        self._lock = threading.RLock()
        self._answers = threading.Lock()
        self._stack = ExitStack()
        with ExitStack() as stack:
            media.check_readable(source)
            self._session = stack.enter_context(EditSession(made, by, drop_torn=drop_torn))
            self.about = self._session.edited.base.about
            if report.sha256(source) != self.about.sha256:
                raise PlanError(f"the plan {made} was made for another file", source)
            aspect = self.about.settings.shape_of_pixels
            opened = stack.enter_context(
                media.open_source(source, allow_damaged=self.about.settings.allow_damaged, pixel_aspect=aspect)
            )
            self.info = opened.info
            self._pictures = Pictures(opened)
            self.times = self._pictures.times or _counted(opened)
            self._sound: Sound | None = None
            if isinstance(opened, media.VideoSource) and opened.info.audio:
                self._sound = Sound(opened, float(self.times[-1]) + 1)
            self._stack = stack.pop_all()
        self._answering = Answering(self._pictures.frame, self.times)
        self._asking = Asking(self._pictures.frame, self.times, self.path.name)
        self._questions: Questions | None = None
        self.record = Record(self.about.frames, by)
        self.publishing = Publishing()
        self._work: threading.Thread | None = None
        self._version = ""
        """Of the output, that is looked at; empty for what holds for all that say nothing else."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let others review it. An output that is being made is given up, and leaves nothing behind."""
        self.publishing.stopped = True
        if self._work:
            self._work.join()
        self._pictures.close()
        if self._sound:
            self._sound.close()
        self._stack.close()

    def trouble(self) -> str:
        """What is in the way of going on, in words; empty if nothing is."""
        try:
            self._refuse_changed()
            self._session.check()
        except AnonymizeError as error:
            return str(error)
        return ""

    def _refuse_changed(self) -> None:
        """Raise `InputError` if the source is gone, or was changed or replaced, since it was opened."""
        now = _identity(self.path)
        if now == self._identity:
            return
        if now is not None and now != self._refused and report.sha256(self.path) == self.about.sha256:
            self._identity = now  # only moved away and back
            return
        self._refused = now
        what = "is gone" if now is None else "was changed or replaced"
        raise InputError(f"it {what} while it was reviewed; edits so far are saved. Put it back, or end", self.path)

    def overview(self) -> dict[str, Any]:
        """What the page begins with."""
        aspect = self._pictures.frame(0).aspects[0]
        with self._lock:
            edited = self._session.edited
            return {
                "name": self.path.name,
                "frames": self.about.frames,
                "width": self.about.width,
                "height": self.about.height,
                "aspect": float(aspect),
                "times": [round(time, 3) for time in self.times.floats()],
                "reasons": overview.reasons(),
                "kinds": [kind.label for kind in sorted(self.about.kinds) if kind.own],
                "cuts": edited.base.cuts,
                "sound": {"kept": self.keeps_sound, **self._sound.about()} if self._sound else None,
                "tracks": overview.tracks(edited, version=self._version),
                "output": str(self.output),
                "by": self._by,
                "notice": self._session.dropped,
                "approvals": self.about.settings.review.approvals,
                **self.history(),
            }

    @property
    def output(self) -> Path:
        """Where the output goes unless the person says otherwise."""
        usual = output_of(self.plan_path) or self.path.with_name(f"{self.path.stem}-safe{self.path.suffix}")
        named = f"-{self._version.replace(' ', '-')}" if self._version else ""
        return usual.with_stem(usual.stem + named)

    def choose(self, version: str) -> dict[str, Any]:
        """Look at a version of the output, and decide for it alone who stays visible; empty for all others.

        Raises:
            UsageError: it is no name.
        """
        try:
            self._version = check_version(version) if version else ""
        except ValueError as error:
            raise UsageError(str(error)) from error
        return self.history()

    def picture(self, index: int, width: int, view: str) -> bytes:
        """Frame `index` as a JPEG.

        Args:
            index: from 0.
            width: the most pixels across.
            view: "raw", or "published" for how it will be published.

        Raises:
            InputError: there is no such frame, or it cannot be read.
        """
        self._refuse_changed()
        frame = self._pictures.frame(index)
        if view == "published":
            with self._lock:
                drawn, _ = self._session.edited.at(index, self._version)
            frame = published(frame, drawn, self.about.redact)
        return jpeg(frame, width)

    def thumb(self, track: int) -> bytes:
        """A small picture of a track where it shows best, as a JPEG; empty if the track is there no more."""
        self._refuse_changed()
        with self._lock:
            found = overview.tracks(self._session.edited, [track], self._version)
        if not found:
            return b""
        return cut_out(self._pictures.frame(found[0]["best"]), found[0]["box"], THUMB)

    @property
    def keeps_sound(self) -> bool:
        """Whether any sound is published."""
        return self.about.settings.output.audio is Audio.KEEP

    def sound(self, number: int, view: str) -> bytes:
        """Part `number` of the sound; see `Sound.part`.

        Args:
            number: from 0.
            view: "raw", or "published" for how it will be published.
        """
        published = view == "published"
        if self._sound is None or (published and not self.keeps_sound):
            return b""
        with self._lock:
            silences = self._session.edited.silences if published else ()
        return self._sound.part(number, silences)

    def peaks(self, first: int) -> dict[str, Any]:
        """How loud the sound is over time; see `Sound.peaks`."""
        return self._sound.peaks(first) if self._sound else {"peaks": [], "done": True}

    def regions(self, first: int, end: int) -> dict[int, list[list[Any]]]:
        """The regions of some frames, by index; see `overview.region`."""
        frames = range(max(first, 0), min(end, self.about.frames, first + MOST_FRAMES))
        with self._lock:
            return {index: self._regions(index) for index in frames}

    def _regions(self, index: int) -> list[list[Any]]:
        drawn, left = self._session.edited.at(index, self._version)
        return [
            *(overview.region(one, drawn=True) for one in drawn),
            *(overview.region(one, drawn=False) for one in left),
        ]

    def lanes(self, tracks: Iterable[int]) -> dict[int, list[list[int]]]:
        """The lanes of some tracks; see `overview.lane`."""
        with self._lock:
            found = ((track, self._session.edited.rows(track)) for track in tracks)
            return {track: overview.lane(rows) for track, rows in found if rows is not None}

    def edit(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Make an edit as the page asks for it: a line of the plan without its number, or one of these.

        - ``draw`` with ``frame`` in the place of ``frames``: a box on this frame, which is followed in both directions
          as far as the pictures show it.
        - ``show`` with ``frame`` in the place of ``frames``: the person stays visible around this frame, as long as
          nobody can be taken for them, and with a face the head around it, where it is clear which.
        - ``hide``, ``join`` and ``remove`` without ``heads``: where a face stays visible no more, neither do the heads
          around it that stay visible for the same reason.

        Returns:
            what changed: tracks, and the history; what became of a head, or of the face in it, see `besides.said`.

        Raises:
            EditError: it does not fit.
            PlanError: it cannot be saved.
        """
        with self._lock:
            try:
                edit = self._asking.edit(self._session.edited, asked, self._version)
            except (KeyError, TypeError, ValueError, UsageError) as error:
                what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
                raise EditError(what) from error
            made = self._made(edit)
            return made | {"said": said(self._session.edited, edit, asked.get("track"), self._version)}

    def questions(self) -> dict[str, Any]:
        """What to look at first: see `Question.as_dict`; how many questions there are, and how many were answered."""
        more = True
        while more:  # others are answered in between: of thousands of tracks it takes a second
            with self._lock:
                more = self._begun().more(AT_ONCE)
        with self._lock:
            asked = self._asked_now()
            some = asked.open()
            return {
                "open": len(some),
                "answered": asked.answered(),
                "questions": [one.as_dict() for one in some[:MOST]],
            }

    def answer(self, name: str, answer: str) -> dict[str, Any]:
        """Answer a question: "hide" or "nothing".

        Args:
            name: `Question.id`.
            answer: a person's.

        Returns:
            what changed, as `edit`.

        Raises:
            EditError: there is no such question any more, or no such answer.
            PlanError: it cannot be saved.
        """
        with self._answers:  # one after the other: each may use a new track's number
            with self._lock:
                question = next((one for one in self._asked_now().open() if one.id == name), None)
                edited = self._session.edited
            if question is None or answer not in list(Answer):
                raise EditError("this question was answered already" if question is None else "no such answer")
            edit = self._answering.edit(edited, question, Answer(answer))  # looks at pictures; others are served
            with self._lock:
                return self._made(edit)

    def sample(self) -> dict[str, Any]:
        """Draw frames of the version that is looked at."""
        return {"frames": self.record.draw(self._version)}

    def sampled(self, showing: Sequence[int]) -> dict[str, Any]:
        """Write down what a person saw on the sample drawn last.

        Args:
            showing: indices of its frames on which somebody can be recognised.

        Raises:
            UsageError: it is not a sample's.
            InputError: the source was changed, or is gone.
            PlanError: it cannot be saved.
        """
        self._refuse_changed()
        with self._lock:
            found = self.record.sampled(showing)
            self._session.note(found)
            return found.as_dict()

    def sign(self, name: str, note: str) -> dict[str, Any]:
        """Sign the plan as it is: the number of people who did, and how many must before it is published.

        Raises:
            UsageError: a name is needed, or one of them is not one line.
            InputError: the source was changed, or is gone.
            PlanError: it cannot be saved.
        """
        try:
            name, note = check_name(name), check_name(note)
        except ValueError as error:
            raise UsageError(str(error)) from error
        wanted = self.about.settings.review.approvals
        if wanted and not name:
            raise UsageError("a name or initials are needed: others must sign, too")
        self._refuse_changed()
        with self._lock:
            asked = self._asked_now()
            signed = self.record.sign(name, note, asked.answered(), len(asked.open()), self._version)
            self._session.note(signed)
            reviewed = self._session.plan(self._version).reviewed
        return {"signed": reviewed.approvals() if reviewed else 0, "wanted": wanted}

    def _asked_now(self) -> Questions:
        return self._begun().all()

    def _begun(self) -> Questions:
        if self._questions is None:
            self._questions = Questions(self._session.edited, self.times)
        return self._questions

    def _made(self, edit: Edit) -> dict[str, Any]:
        """Make an edit; what changed."""
        self._refuse_changed()
        if isinstance(edit, Judge):
            self._session.judge(edit.track, edit.answer)
        else:
            self._session.do(edit)
        return self._changed(edit)

    def undo(self) -> dict[str, Any]:
        """Take back the last edit; what changed."""
        return self._turned(self._session.undo, lambda: self._session.edited.edits[-1])

    def redo(self) -> dict[str, Any]:
        """Bring back the edit taken back last; what changed."""
        return self._turned(self._session.redo, lambda: self._session.edited.undone[-1])

    def _turned(self, turn: Callable[[], int | None], which: Callable[[], Edit]) -> dict[str, Any]:
        with self._lock:
            try:
                edit = which()
            except IndexError:
                return self.history()
            self._refuse_changed()
            turn()
            return self._changed(edit)

    def publish(self, output: str, *, force: bool) -> None:
        """Begin to make an output of the plan as it is now; `publishing` says how it goes on.

        Args:
            output: its path; `self.output` if empty.
            force: replace an existing file.

        Raises:
            UsageError: another is being made.
        """
        self.publishing.begin()
        with self._lock:
            made, version = self._session.plan(self._version), self._version
        target = Path(output) if output else self.output
        given = (made, target, version, force)
        self._work = threading.Thread(target=self._published, args=given, name="publish", daemon=True)
        self._work.start()

    def _published(self, made: Plan, target: Path, version: str, force: bool) -> None:
        doubts = 0
        try:
            if asking := publish(self.path, made, target, self.publishing, force=force, title=version):
                with self._lock:
                    doubts = self._session.ask(asking)
                    self._questions = None
        except AnonymizeError as error:
            self.publishing.message = str(error)
        finally:
            self.publishing.end(doubts)

    def _changed(self, edit: Edit) -> dict[str, Any]:
        """The tracks that `edit` touched, after it was made or taken back."""
        numbers = [edit.track, getattr(edit, "other", -1), getattr(edit, "new", -1), *heads_of(edit)]
        touched = [number for number in numbers if number >= 0]
        if self._questions:
            self._questions.refresh(touched)
        tracks = overview.tracks(self._session.edited, touched, self._version)
        return {"touched": touched, "tracks": tracks, **self.history()}

    def history(self) -> dict[str, Any]:
        """The number of edits in force, and of those that can be brought back; the version that is looked at."""
        edited = self._session.edited
        silences = [[one.first, one.end, one.how.value] for one in edited.silences]
        versions = sorted({*edited.versions(), *([self._version] if self._version else [])})
        return {
            "edits": len(edited.edits),
            "redo": len(edited.undone),
            "silences": silences,
            "named": self._version,
            "versions": versions,
            "rows": edited.together(),
        }


def _identity(source: Path) -> tuple[object, ...] | None:
    """What changes when a file does; None if it is gone."""
    try:
        return storage.identity(source)
    except (OSError, InputError):
        return None


def plan_for(source: Path) -> Path:
    """Where the plan of `source` is kept unless the person says otherwise: beside it, as an output's plan is."""
    return source.with_name(name_beside(f"{source.stem}-safe{source.suffix}", ENDING))


def _counted(source: media.Source) -> Timestamps:
    """When each frame is shown, from decoding all of them."""
    times = Timestamps()
    for frame in source.frames():
        times.append(frame)
    return times
