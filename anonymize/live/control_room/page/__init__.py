"""The page of the control room: plain ES modules."""
