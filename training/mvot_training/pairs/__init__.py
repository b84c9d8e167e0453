"""How training pairs are sampled, augmented, composited and batched."""
