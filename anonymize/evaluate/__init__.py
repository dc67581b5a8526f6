"""How much of what should be gone is still there: measured from pixels, against exact ground truth.

`cells` has the measure, `measure` walks a video with it, `score` adds up, `interval` says how sure that is, `several`
pairs the files of folders, `page` makes a page of it. Nothing here shares code with what it judges.
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
