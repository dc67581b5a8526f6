"""A person reviews what is doubtful, and decides."""
