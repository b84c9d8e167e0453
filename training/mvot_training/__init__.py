"""Training of the networks: the command ``mvot-train``, its data, losses and training loop."""
