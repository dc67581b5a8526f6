"""Find faces and licence plates in video and remove them before anyone sees the picture."""

__version__ = "0.1.0"
