"""A real browser without a screen, for what people look at in one."""

import importlib.util
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
"""Sizes of windows, in pixels."""
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


def wait_until(page: "Page", expression: str, arg: object = None) -> None:
    """Wait until an expression is true; Playwright's own way needs a page that allows ``eval``."""
    for _ in range(500):
        if page.evaluate(expression, arg):
            return
        page.wait_for_timeout(20)
    raise AssertionError(expression)


def wait_for_grey(page: "Page", selector: str, grey: int) -> None:
    """Wait until a picture shows so much grey below on the right."""
    wait_until(
        page,
        """([selector, grey]) => {
            const image = document.querySelector(selector);
            if (!image?.naturalWidth) return false;
            const canvas = document.createElement("canvas"), context = canvas.getContext("2d");
            [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
            context.drawImage(image, 0, 0);
            const pixel = context.getImageData(canvas.width - 2, canvas.height - 2, 1, 1).data;
            return Math.abs(pixel[0] - grey) <= 3;
        }""",
        [selector, grey],
    )
