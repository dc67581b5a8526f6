"""How much of what should be hidden is still visible: measured from pixels, against exact ground truth.

`detail` has the measure, `measure` applies it to a video, `score` adds up, `interval` gives confidence intervals,
`several` pairs the files of folders, `page` makes a page. With what it evaluates this shares the choice of the stream
that is shown and the times of its frames, and nothing that finds, follows or draws.
"""

from anonymize.evaluate.detail import collateral, survival
from anonymize.evaluate.measure import evaluate
from anonymize.evaluate.score import BareSubject, Evaluation, Score, Traced, bucket, combine
from anonymize.evaluate.several import Pair, evaluate_pairs, pairs

__all__ = [
    "BareSubject",
    "Evaluation",
    "Pair",
    "Score",
    "Traced",
    "bucket",
    "collateral",
    "combine",
    "evaluate",
    "evaluate_pairs",
    "pairs",
    "survival",
]
