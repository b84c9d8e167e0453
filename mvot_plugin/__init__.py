"""Track many objects in video in real time, with a detector on every k-th frame only."""
