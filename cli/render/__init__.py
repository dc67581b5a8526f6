"""What people and machines see: the only code that prints. Results go to stdout, progress and errors to stderr.

`output` prints lines, tables and JSON; `progress` follows a run; the other modules turn results into lines.
"""
