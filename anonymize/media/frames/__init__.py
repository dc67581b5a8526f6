"""Decoded frames: planes, pixel formats, orientation, cropping, colour range, transparency."""
