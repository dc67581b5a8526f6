"""Redaction: which pixels a region covers, and what is drawn there."""

from anonymize.redact.draw import Memory, obscure, redact, sorted_by_style
from anonymize.redact.outlines import MANY, layers, outline, visible

__all__ = ["MANY", "Memory", "layers", "obscure", "outline", "redact", "sorted_by_style", "visible"]
