"""Watching in a browser in under a second: WHEP (WebRTC), from a port that answers and never asks."""
