"""The warnings of a run: printed as lines, and kept as notes of the report."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mvot_pipelines.sinks.formats import FallbackCodec
from mvot_plugin.errors import (
    ExecutableModel,
    FallbackDetector,
    GuessedInput,
    UntrainedWeights,
    format_line,
)

__all__ = ["show_warnings"]

_SHOWN = (ExecutableModel, FallbackCodec, FallbackDetector, GuessedInput, UntrainedWeights)
"""Those that are meant for the user; others are shown as Python does."""


@contextmanager
def show_warnings(notes: list[str]) -> Iterator[None]:
    """Print the warnings of a ``with`` statement to stderr, and add them to ``notes``."""
    with warnings.catch_warnings():
        for category in _SHOWN:
            warnings.simplefilter("always", category)
        show_as_python_does = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
            if not issubclass(category, _SHOWN):
                show_as_python_does(message, category, *rest, **more)
                return
            notes.append(str(message))
            print(f"mvot-run: warning: {format_line(message)}", file=sys.stderr)

        warnings.showwarning = show
        yield
