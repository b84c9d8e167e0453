"""The stage ``backbone`` of ``mvot-train``: ResNet-18 taught by an EfficientNet-Lite."""
