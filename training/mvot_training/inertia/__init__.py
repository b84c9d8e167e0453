"""The stage ``inertia`` of ``mvot-train``: trains the module that predicts targets' motion."""
