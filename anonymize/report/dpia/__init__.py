"""The annex to a data protection impact assessment: what was done and measured, with blanks for what only people know.

`sources` reads reports, evaluations and live metrics; `outline` puts them in the order that the law asks for; `write`
makes Markdown and a page of it. It claims nothing that was not measured: where there is no figure, it says so.
"""

from anonymize.report.dpia.files import write

__all__ = ["write"]
