"""Imports of the packages that only the extra ``bench`` installs."""

from importlib import import_module
from typing import Any

from mvot_plugin.errors import UsageError

__all__ = ["import_extra"]


def import_extra(module: str, purpose: str) -> Any:
    """Import a module of the extra ``bench``.

    Raises ``UsageError`` where it is not installed; the message says what needs it (``purpose``,
    in the plural), and how to install it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise UsageError(
            f"{purpose} need {package} ({error}): pip install 'mvot-plugin[bench]'"
        ) from error
