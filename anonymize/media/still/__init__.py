"""Pictures, still and animated."""
