"""The training data: sequences, photos and cut-outs, and how they are stored."""
