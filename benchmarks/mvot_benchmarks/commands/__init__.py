"""The commands of ``mvot-bench``; each ``add_...`` function adds one to the parser."""
