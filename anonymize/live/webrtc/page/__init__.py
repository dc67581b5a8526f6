"""The page for viewers."""
