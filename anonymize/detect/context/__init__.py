"""Whether something supports a weak or faint find, and whether a head is seen from behind: another network is asked."""

from anonymize.detect.context.asking import Context, Facing
from anonymize.detect.context.judging import MEAN, Rule, Said, alone, from_behind
from anonymize.detect.context.witness import SPANS, Witness

ASKED_ABOUT = frozenset(SPANS)
"""The kinds about which it is asked."""

__all__ = ["ASKED_ABOUT", "MEAN", "Context", "Facing", "Rule", "Said", "Witness", "alone", "from_behind"]
