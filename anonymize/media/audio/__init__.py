"""Sound: carried over packet by packet, or coded without loss."""
