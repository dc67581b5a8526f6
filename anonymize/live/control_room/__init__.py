"""The control room: one page for all cameras of a file."""
