"""IMSiam: an IoU-aware, matching-adaptive Siamese network (Tan, Xu and Wei, 2022)."""
