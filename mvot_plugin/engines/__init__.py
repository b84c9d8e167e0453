"""Motion engines and their registry."""
