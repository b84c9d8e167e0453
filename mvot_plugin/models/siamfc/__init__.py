"""SiamFC's network, which SiamMT takes to whole frames; the config imports no torch."""
