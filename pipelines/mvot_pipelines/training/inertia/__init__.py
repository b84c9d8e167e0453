"""The stage ``inertia`` of `mvot-train`: where targets will be, learnt from how they moved."""
