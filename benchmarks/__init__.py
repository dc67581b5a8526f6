"""Speed, leaks and memory against other tools, on the same clips in the same run: ``python -m benchmarks --help``."""
