"""Whether something supports a weak or faint find: another network is asked what is around it."""

from anonymize.detect.context.asking import Context
from anonymize.detect.context.judging import Rule, alone
from anonymize.detect.context.opinion import ASKED_ABOUT, opinion

__all__ = ["ASKED_ABOUT", "Context", "Rule", "alone", "opinion"]
