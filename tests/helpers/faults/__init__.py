"""Cases that try to break `mvot-run` and its Python API, and the rules that every one must keep."""
