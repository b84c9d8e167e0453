import importlib.util

collect_ignore_glob = [] if importlib.util.find_spec("uvicorn") else ["test_*.py"]
"""The extra "serve" may not be installed."""
