"""What several tests share: small networks, sequences written to disk, oracles."""
