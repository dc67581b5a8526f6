"""Sizes that numpy code and the network share."""

STRIDE = 4
"""Input pixels per output cell."""
MULTIPLE = 32
"""Height and width of the network's input must be multiples of this."""
