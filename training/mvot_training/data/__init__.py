"""What training reads: sequences, photos, cut-outs, and how they are kept."""
