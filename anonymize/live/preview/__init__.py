"""The preview page of a live camera."""
