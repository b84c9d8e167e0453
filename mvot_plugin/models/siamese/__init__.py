"""What the networks of SiamMOT, IMSiam and SiamAttn share."""
