"""MOTA, IDF1 and HOTA, and the ground truth that they are computed from."""
