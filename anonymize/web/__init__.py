"""Serving pages: a small HTTP server on loopback."""
