"""What the page asks for becomes an edit: a box that is drawn is followed, and a person stays visible for as long as
nobody else can be taken for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from anonymize.data import Box, Frame, Kind, Shape
from anonymize.plan import consent
from anonymize.plan.edit_lines import step_of
from anonymize.plan.edited import Edited
from anonymize.plan.edits import Draw, Edit, Hide, Merge, Remove, Show
from anonymize.plan.values import COUNT, box_of
from anonymize.review.follow import followed
from anonymize.settings import Person
from anonymize.track import outline

LEAST_SIDE = 4.0
"""A drawn box has at least so many pixels on each side: a slip of the hand draws none."""


class Asking:
    """Makes edits of one film.

    Args:
        picture: a frame by its index.
        times: when each frame is shown, in seconds.
        name: of the film, for messages.
    """

    def __init__(self, picture: Callable[[int], Frame], times: Sequence[Fraction], name: str) -> None:
        self._picture, self._times, self._name = picture, times, name

    def edit(self, edited: Edited, asked: Mapping[str, Any], version: str) -> Edit:
        """The edit that `asked` describes; see `Review.edit`.

        Args:
            edited: the plan so far.
            asked: a line of the plan without its number, with ``frame`` in the place of ``frames`` where it is to be
                worked out.
            version: of the output, which a decision about who stays visible is for.

        Raises:
            KeyError, TypeError, ValueError, UsageError: it does not fit.
        """
        do, frame = asked["do"], asked.get("frame")
        if do == "draw" and "frames" not in asked:
            kind, shape = Kind.named(asked.get("kind", "area")), Shape(asked.get("shape", "box"))
            return self._drawn(edited, self._frame(asked["frame"]), box_of(asked["xyxy"]), kind, shape)
        if do == "draw":
            asked = {**asked, "track": edited.unused()}
        if do == "split":
            asked = {**asked, "new": edited.unused()}
        if do in ("show", "hide") and version:
            asked = {**asked, "version": version}
        if do == "show" and frame is not None:
            reason = str(asked.get("reason", ""))
            return self._shown(edited, COUNT.whole(asked["track"]), self._frame(frame), reason, version)
        edit = step_of({"edit": 1, **asked}).edit
        assert edit is not None
        if isinstance(edit, Hide | Merge | Remove) and "heads" not in asked:
            return replace(edit, heads=self._heads(edited, edit))
        return edit

    def _frame(self, index: Any) -> int:
        """`index`, if there is such a frame. Raises `ValueError`."""
        found = COUNT.whole(index)
        if found >= len(self._times):
            raise ValueError(f"there is no frame {found}: the last one is {len(self._times) - 1}")
        return found

    def _drawn(self, edited: Edited, frame: int, box: Box, kind: Kind, shape: Shape) -> Draw:
        """A new track around `frame`; its boxes follow what the pictures show, padded as what detectors find."""
        if shape is Shape.POLYGON:
            raise ValueError("a polygon is drawn by its corners and on frames that are named, and is not followed")
        if min(box[2] - box[0], box[3] - box[1]) < LEAST_SIDE:
            raise ValueError("too small: draw a larger one")
        about = edited.base.about
        ahead = list(followed((self._picture(i) for i in range(frame, about.frames)), box))
        back = list(followed((self._picture(i) for i in range(frame, -1, -1)), box))
        found = (*reversed(back), box, *ahead)
        look, size = about.redact.of(kind), (about.width, about.height)
        padded = found if kind is Kind.AREA else [outline(one, look, *size) for one in found]
        boxes, first = tuple(_rounded(one) for one in padded), frame - len(back)
        frames = (first, first + len(boxes))
        return Draw(edited.unused(), frames, boxes[0], kind, shape, frame, boxes=boxes)

    def _shown(self, edited: Edited, track: int, frame: int, reason: str, version: str) -> Show:
        plan = edited.plan(version)
        person = Person(reason, track=track, at=Fraction(self._times[frame]))
        before = set(plan.shown)
        after = consent.visible(plan, self._times, plan.about.settings, self._name, [person])
        more = (one for one in after.shown if one not in before)
        new = [Show(one.track, (one.first, one.end), one.reason, one.chosen, one.note, version) for one in more]
        if not new:
            raise ValueError("it stays visible there already")
        return replace(new[0], head=new[1]) if len(new) > 1 else new[0]

    def _heads(self, edited: Edited, edit: Hide | Merge | Remove) -> tuple[int, ...]:
        """The heads that stay visible with a face whose consent ends by `edit`, and are hidden with it."""
        faces = (edit.track, edit.other) if isinstance(edit, Merge) else (edit.track,)
        nowhere = (edit.version,) if isinstance(edit, Hide) and edit.version else ("", *edited.versions())
        heads = set[int]()
        for version in nowhere:
            ended = [one for one in faces if edited.shown(one, version) and not _goes_on(edited, edit, version)]
            plan = edited.plan(version) if ended else None
            heads.update(head for face in ended if plan for head in consent.heads_shown_with(plan, self._times, face))
        return tuple(sorted(heads))


def _goes_on(edited: Edited, edit: Edit, version: str) -> bool:
    """Whether what `edit` removes is left on other frames on which it stays visible."""
    if not isinstance(edit, Remove) or (rows := edited.rows(edit.track)) is None:
        return False
    left = rows.frame[(rows.frame < edit.frames[0]) | (rows.frame >= edit.frames[1])]
    return any(((left >= one.first) & (left < one.end)).any() for one in edited.shown(edit.track, version))


def _rounded(box: Box) -> Box:
    x0, y0, x1, y1 = (round(value, 2) for value in box)
    return x0, y0, x1, y1
