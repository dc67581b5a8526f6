"""Text: the detector of lines, and what reads them where only some are to be hidden."""

from anonymize.detect.text.matching import Matcher, reading_weights
from anonymize.detect.text.ppocr import PPOCR

__all__ = ["PPOCR", "Matcher", "reading_weights"]
