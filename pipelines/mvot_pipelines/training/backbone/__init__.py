"""The stage ``backbone`` of ``mvot-train``: a ResNet-18 taught by a network that knows more."""
