"""Picture formats, one file each."""
