"""Whether something supports a weak find: another network is asked what is around it."""

from anonymize.detect.context.asking import Context
from anonymize.detect.context.judging import Rule, alone

__all__ = ["Context", "Rule", "alone"]
