"""Images, still and animated."""
