"""Video files: opening, inspecting, reading, splitting into segments, encoding and writing them."""
