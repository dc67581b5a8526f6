"""A person looks at what is doubtful, and decides."""
