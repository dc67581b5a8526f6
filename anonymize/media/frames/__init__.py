"""Decoded pictures: planes, pixel formats, orientation, cropping, colour range."""
