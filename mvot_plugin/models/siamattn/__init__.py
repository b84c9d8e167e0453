"""SiamAttn: deformable Siamese attention networks (Yu et al., 2020)."""
