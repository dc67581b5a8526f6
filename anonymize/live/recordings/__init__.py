"""What lies in a folder that `record:` writes: found again by time of capture, exported, held, checked."""
