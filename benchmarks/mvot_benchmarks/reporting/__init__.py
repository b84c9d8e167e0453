"""Results of ``mvot-bench``: JSON files, plots and reports."""
