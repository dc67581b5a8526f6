"""Where live pictures come from: cameras, network streams, pipes."""
