"""One HTML file about one run or several: figures, tables and recordings, with nothing to be fetched from anywhere."""

from asrtrain.reporting.html.findings import RunFindings
from asrtrain.reporting.html.page import report_page
from asrtrain.reporting.html.worst import LONGEST, worst_of

__all__ = ["LONGEST", "RunFindings", "report_page", "worst_of"]
