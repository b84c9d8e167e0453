"""All targets of a video, from frame to frame: moved, merged with detections, early or late."""
