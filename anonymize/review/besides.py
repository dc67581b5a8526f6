"""What the page says of the head around a face that was left visible or hidden, and of the face in a head."""

from __future__ import annotations

from anonymize.data import Box, Kind, Region
from anonymize.plan.edited import Edited
from anonymize.plan.edits import Edit, Hide, Merge, Remove, Show


def heads_of(edit: Edit) -> tuple[int, ...]:
    """The heads that stay visible, or are hidden again, with the face that `edit` is about."""
    if isinstance(edit, Show):
        return (edit.head.track,) if edit.head else ()
    return edit.heads if isinstance(edit, Hide | Merge | Remove) else ()


def said(edited: Edited, edit: Edit, asked: object, version: str) -> str:
    """What a person should know after `edit`: a word of the page, or nothing.

    Args:
        edited: the plan with it.
        edit: what was done.
        asked: the number of the track that the person chose: of a face that is visible already, its head alone is left.
        version: of the output.

    Returns:
        "head-visible" where the head stays visible with a face; "head-covers" where one is still drawn over the face;
        "face-covered" where the face in a head is still drawn; "head-hidden" where the head is hidden with a face.
    """
    if not isinstance(edit, Show):
        return "head-hidden" if heads_of(edit) else ""
    if not isinstance(asked, int):
        return ""
    drawn, left = edited.at(max(edit.chosen, edit.frames[0]), version)
    chosen = next((one for one in left if one.track == asked), None)
    if chosen is None:
        return ""
    if chosen.kind is Kind.HEAD:
        return "face-covered" if any(one.kind is Kind.FACE and _is_in(one, chosen.xyxy) for one in drawn) else ""
    if any(one.kind is Kind.HEAD and _is_in(chosen, one.xyxy) for one in drawn):
        return "head-covers"
    return "head-visible" if edit.head or edit.track != asked else ""


def _is_in(one: Region, box: Box) -> bool:
    """Whether the middle of `one` lies in `box`."""
    x, y = (one.xyxy[0] + one.xyxy[2]) / 2, (one.xyxy[1] + one.xyxy[3]) / 2
    return box[0] <= x < box[2] and box[1] <= y < box[3]
