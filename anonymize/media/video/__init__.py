"""Video files: opened, inspected, read, cut into segments, encoded and written."""
