"""Detect what is lost or damaged in a file."""
