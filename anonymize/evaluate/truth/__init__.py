"""Ground truth of clips and pictures: who is where on every frame.

`subjects` holds its types; `lines` reads our own files (JSON Lines), `coco` and `mot` those of others; `choose` picks a
reader by the file's suffix.
"""

from anonymize.evaluate.truth.choose import Truth, read_any, refuse_unlabelled
from anonymize.evaluate.truth.lines import read_truth, write_truth
from anonymize.evaluate.truth.subjects import FrameTruth, Subject, clipped

__all__ = ["FrameTruth", "Subject", "Truth", "clipped", "read_any", "read_truth", "refuse_unlabelled", "write_truth"]
