"""What of a file is lost or damaged, and how that is known."""
