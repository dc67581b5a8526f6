"""Whether something supports a weak or faint find: another network is asked what is there."""

from anonymize.detect.context.asking import Context
from anonymize.detect.context.judging import MEAN, Rule, alone
from anonymize.detect.context.witness import SPANS, Witness

ASKED_ABOUT = frozenset(SPANS)
"""The kinds about which it is asked."""

__all__ = ["ASKED_ABOUT", "MEAN", "Context", "Rule", "Witness", "alone"]
