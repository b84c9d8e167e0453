import importlib.util
import re

import pytest

from helpers.web.browser import DESKTOP, open_browser

collect_ignore_glob = [] if importlib.util.find_spec("uvicorn") else ["test_*.py"]
"""The extra "serve" may not be installed."""
LOST = r"Failed to load resource: net::ERR_(CONNECTION_REFUSED|INCOMPLETE_CHUNKED_ENCODING)"


@pytest.fixture(scope="module")
def browser():
    with open_browser() as browser:
        yield browser


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    """Send numbers more often, so that no test waits long for them."""
    monkeypatch.setattr("mvot_pipelines.serve.pages._PERIOD", 0.05)


@pytest.fixture
def page(browser):
    """A page on which nothing goes wrong but connections: no script fails, no policy is broken."""
    page, errors = browser.new_page(viewport=DESKTOP), []
    page.set_default_timeout(30_000)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text))
    yield page
    page.close()
    assert [error for error in errors if not re.search(LOST, error)] == []
