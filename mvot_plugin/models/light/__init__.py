"""SiamMOTION with a light network, for CPUs: `siammotion-n`."""
