"""Sending messages to a message broker."""

import threading
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from mvot_pipelines.sources.capture import hide_secrets
from mvot_plugin.errors import OutputError
from mvot_plugin.extras import require_module

__all__ = ["MqttSender"]

_SECONDS = 5.0


class MqttSender:
    """Publishes each message under a topic of an MQTT broker, at least once (QoS 1).

    Args:
        url: ``mqtt://[USER:PASSWORD@]HOST[:PORT]/TOPIC``, or ``mqtts://`` with TLS.

    Raises:
        UsageError: where paho-mqtt is not installed.
        OutputError: where the broker cannot be reached, or refuses.
    """

    def __init__(self, url: str) -> None:
        mqtt = require_module("paho.mqtt.client", "--publish mqtt://", "mqtt")
        parts = urlsplit(url)
        self.name, self._topic = hide_secrets(url), parts.path.strip("/")
        has_tls = parts.scheme.lower() == "mqtts"
        self._client: Any = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        if parts.username is not None:
            self._client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
        if has_tls:
            self._client.tls_set()
        self._client.connect_timeout = _SECONDS
        answered = threading.Event()
        refusals: list[str] = []

        def hear(client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
            if reason.is_failure:
                refusals.append(str(reason))
            answered.set()

        self._client.on_connect = hear
        try:
            self._client.connect(parts.hostname, parts.port or (8883 if has_tls else 1883))
            self._client.loop_start()
            if not answered.wait(_SECONDS):
                refusals.append("no answer")
        except (OSError, ValueError) as error:
            refusals.append(str(getattr(error, "strerror", None) or error))
        if refusals:
            self.close()
            raise OutputError(
                f"--publish {self.name} cannot be used ({refusals[0]}): check the address, and "
                "that its broker runs and lets you in"
            )

    def send(self, messages: Sequence[bytes]) -> None:
        """Publish messages; raises ``OSError`` where the broker does not take them in time."""
        if not self._client.is_connected():
            raise OSError("the broker is away")
        sent = [self._client.publish(self._topic, message, qos=1) for message in messages]
        for one in sent:
            one.wait_for_publish(_SECONDS)
            if not one.is_published():
                raise OSError("the broker does not answer")

    def close(self) -> None:
        """End the connection."""
        self._client.disconnect()
        self._client.loop_stop()
