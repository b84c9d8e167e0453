"""Sending messages to a web address."""

import socket
import urllib.request
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from mvot_pipelines.sources.capture import hide_secrets
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
        OutputError: where nobody can be reached there; no message is sent for that.
    """

    def __init__(self, url: str) -> None:
        urllib3 = require_module("urllib3", "--publish to a web address", "webhook")
        parts = urlsplit(url)
        self.name = hide_secrets(url)
        self._url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        headers: dict[str, Any] = {"Content-Type": "application/x-ndjson"}
        if parts.username is not None:
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            headers |= urllib3.make_headers(basic_auth=login)
        if not urllib.request.getproxies():
            _check_reachable(self.name, parts.hostname or "", parts.port, parts.scheme.lower())
        self._pool = urllib3.PoolManager(
            1, headers=headers, timeout=_SECONDS, retries=False, block=True
        )

    def send(self, messages: Sequence[bytes]) -> None:
        """Post messages; raises ``OSError`` where they are not taken."""
        response = self._pool.request("POST", self._url, body=b"\n".join(messages) + b"\n")
        if not 200 <= response.status < 300:
            raise OSError(f"it answered {response.status}")

    def close(self) -> None:
        """End the connection."""
        self._pool.clear()


def _check_reachable(name: str, host: str, port: int | None, scheme: str) -> None:
    """Raise ``OutputError`` where no connection can be made."""
    try:
        address = host, port or (443 if scheme == "https" else 80)
        socket.create_connection(address, timeout=_SECONDS).close()
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputError(
            f"--publish {name} cannot be reached ({reason}): check the address, and that its "
            "server runs"
        ) from error
