"""A real browser without a screen, for what people look at in one."""

import importlib.util
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--force-color-profile=srgb",
    "--no-first-run",
)


def find_chromium() -> str | None:
    """The path of a Chromium or Chrome of this machine; None where there is none."""
    return next((path for path in map(shutil.which, _NAMES) if path), None)


@contextmanager
def open_browser() -> Iterator["Browser"]:
    """A headless Chromium with an empty profile; skips the test where there is none.

    Ended, with the driver's process, on leaving. Playwright's sync API runs an event loop in the
    thread that enters: no other may run there at that time.
    """
    path = find_chromium()
    if path is None or importlib.util.find_spec("playwright") is None:
        pytest.skip("needs Chromium and the package playwright")
    from playwright.sync_api import sync_playwright

    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(
            executable_path=path, args=list(_ARGUMENTS), chromium_sandbox=False
        ) as browser,
    ):
        yield browser
