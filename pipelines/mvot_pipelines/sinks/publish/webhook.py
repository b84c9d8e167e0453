"""Sending messages to a web address."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from mvot_plugin.errors import OutputError
from mvot_plugin.extras import require_module

__all__ = ["WebhookSender"]

_SECONDS = 5.0


class WebhookSender:
    """Posts messages as JSON lines (``application/x-ndjson``), over a connection that is kept.

    Args:
        url: the address; a user and a password in it are sent as basic authentication.

    Raises:
        UsageError: where urllib3 is not installed.
        OutputError: where nobody answers there. It is asked for its ``HEAD``, to which any answer
            will do.
    """

    def __init__(self, url: str) -> None:
        urllib3 = require_module("urllib3", "--publish to a web address", "webhook")
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self.name = f"{parts.scheme}://{host}"  # the path of a webhook is often its secret
        self._url = parts._replace(netloc=host).geturl()
        headers: dict[str, Any] = {"Content-Type": "application/x-ndjson"}
        if parts.username is not None:
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            headers |= urllib3.make_headers(basic_auth=login)
        self._errors = urllib3.exceptions.HTTPError
        self._pool = urllib3.PoolManager(1, headers=headers, timeout=_SECONDS, retries=False)
        try:
            self._request("HEAD")
        except OutputError as error:
            self.close()
            raise OutputError(
                f"--publish {self.name} cannot be reached ({error}): check the address, and that "
                "its server runs"
            ) from error

    def send(self, messages: Sequence[bytes]) -> None:
        """Post messages; raises ``OutputError`` where they are not taken."""
        status = self._request("POST", b"\n".join(messages) + b"\n")
        if not 200 <= status < 300:
            raise OutputError(f"it answers {status}")

    def close(self) -> None:
        """End the connection."""
        self._pool.clear()

    def _request(self, method: str, body: bytes | None = None) -> int:
        """The status of the answer; raises ``OutputError``, with a short reason, without one."""
        try:
            return int(self._pool.request(method, self._url, body=body).status)
        except self._errors as error:
            cause = error.__cause__ or error.__context__ or error
            raise OutputError(str(getattr(cause, "strerror", None) or cause)) from error
