"""Sound: copied packet by packet, or re-encoded losslessly."""
