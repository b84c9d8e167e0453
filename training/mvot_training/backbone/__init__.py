"""The stage ``backbone`` of ``mvot-train``: distils the features of a trained network."""
