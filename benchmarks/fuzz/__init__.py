"""Hostile files: thousands of broken variants of small good ones, through the whole program.

What must not happen: a traceback, an exit code that docs/guide.md does not promise, a hang, more than 2 GiB of memory,
something left behind after a failure, and, above all, a released picture that shows the face planted in the source.

    python -m benchmarks.fuzz [--seed 0] [--count 300] [--texts 200] [--seconds 0] [--only mp4,plan] [--keep FOLDER]

`sources` makes the good files; `parts` takes containers apart, `media` and `texts` break them; `commands` says what is
run on each format and how it may end; `worker` runs it; `face` looks for the face without any of our detectors.
"""
