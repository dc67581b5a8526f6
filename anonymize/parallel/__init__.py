"""Work in several processes: ordered, unordered, and on the segments of one video."""
