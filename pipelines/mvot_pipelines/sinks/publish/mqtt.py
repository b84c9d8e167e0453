"""Sending messages to a message broker."""

import time
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import unquote, urlsplit

from mvot_pipelines.sources.capture import hide_secrets
from mvot_plugin.errors import OutputError
from mvot_plugin.extras import require_module

__all__ = ["MqttSender"]

_SECONDS, _LOOK_SECONDS, _KEEPALIVE_SECONDS = 5.0, 0.1, 10


class MqttSender:
    """Publishes each message under a topic of an MQTT broker, at least once (QoS 1).

    Args:
        url: ``mqtt://[USER:PASSWORD@]HOST[:PORT]/TOPIC``, or ``mqtts://`` with TLS.

    Raises:
        UsageError: where paho-mqtt is not installed.
        OutputError: where the broker cannot be reached, or refuses.
    """

    def __init__(self, url: str) -> None:
        self._mqtt = require_module("paho.mqtt.client", "--publish mqtt://", "mqtt")
        self._url, self.name = urlsplit(url), hide_secrets(url)
        self._client: Any = None
        try:
            self._connect()
        except OutputError as error:
            self.close()
            raise OutputError(
                f"--publish {self.name} cannot be used ({error}): check the address, and that its "
                "broker runs and lets you in"
            ) from error

    def send(self, messages: Sequence[bytes]) -> None:
        """Publish messages; raises ``OutputError`` where the broker does not take them.

        The next call then makes a new connection, which knows nothing of messages before it.
        """
        try:
            if self._client is None:
                self._connect()
            topic = self._url.path.strip("/")
            for sent in [self._client.publish(topic, message, qos=1) for message in messages]:
                self._wait_for(sent)
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        """End the connection."""
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()
            self._client = None

    def _connect(self) -> None:
        """Connect to the broker; raises ``OutputError``, with a short reason, where it fails."""
        url, has_tls = self._url, self._url.scheme.lower() == "mqtts"
        version = self._mqtt.CallbackAPIVersion.VERSION2
        self._client = self._mqtt.Client(version, reconnect_on_failure=False)
        self._client.connect_timeout = _SECONDS
        if url.username is not None:
            self._client.username_pw_set(unquote(url.username), unquote(url.password or ""))
        answers: SimpleQueue[Any] = SimpleQueue()
        self._client.on_connect = lambda *heard: answers.put(heard[3])
        try:
            if has_tls:
                self._client.tls_set()
            port = url.port or (8883 if has_tls else 1883)
            self._client.connect(url.hostname, port, _KEEPALIVE_SECONDS)
            self._client.loop_start()
            reason = answers.get(timeout=_SECONDS)
        except Empty:
            raise OutputError("it does not answer") from None
        except (OSError, ValueError) as error:
            raise OutputError(str(getattr(error, "strerror", None) or error)) from error
        if reason.is_failure:
            raise OutputError(str(reason))

    def _wait_for(self, sent: Any) -> None:
        """Wait until the broker has a message; raises ``OutputError`` where it is away."""
        end = time.monotonic() + _SECONDS
        while not sent.is_published():
            if not self._client.is_connected() or time.monotonic() > end:
                raise OutputError("its broker is away")
            sent.wait_for_publish(_LOOK_SECONDS)
