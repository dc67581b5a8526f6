"""The account of what was done to a file: as data, as a page, signed, and summarised for an impact assessment.

`data` holds the values; `account` derives them from a plan; `files` writes and reads them; `page` makes the page and
`index` that of a folder; `sign` signs and checks; `dpia` fills an annex from many reports. Nothing here holds a
picture, a path or a file's name.
"""

from anonymize.report.account import account, subjects
from anonymize.report.data import Report, check_title, versions
from anonymize.report.files import name_beside, nameless, path_for, prepare, read, sha256, write, write_tracks

__all__ = [
    "Report",
    "account",
    "check_title",
    "name_beside",
    "nameless",
    "path_for",
    "prepare",
    "read",
    "sha256",
    "subjects",
    "versions",
    "write",
    "write_tracks",
]
