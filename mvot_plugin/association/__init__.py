"""Association of targets with detections: affinity, assignment, lifecycle of trajectories."""
