"""The annex to a data protection impact assessment: what was done and measured, with blanks for what only people know.

`sources` reads reports, evaluations and live metrics; `outline` arranges them in the order that the law asks for;
`files` writes Markdown and a page. It claims nothing that was not measured: where there is no figure, it says so.
"""

from anonymize.report.dpia.files import write

__all__ = ["write"]
