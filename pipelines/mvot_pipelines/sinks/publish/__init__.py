"""Sending tracks to other programs while a run goes on."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from mvot_pipelines.sinks.base import Sink
from mvot_pipelines.sinks.files import STDOUT
from mvot_pipelines.sinks.publish.sink import PublishSink, Sender
from mvot_pipelines.sinks.text import JsonLinesSink
from mvot_plugin.errors import UsageError, format_value

__all__ = ["PublishSink", "Sender", "open_publisher"]


def open_publisher(
    target: str, *, class_names: Mapping[int, str] | None = None, stream: str | None = None
) -> Sink:
    """Open the sink that sends the tracks of each frame somewhere.

    Args:
        target: ``-`` for JSON lines on the standard output, the ``http://`` or ``https://`` address
            of a webhook, or the topic of a message broker,
            ``mqtt://[USER:PASSWORD@]HOST[:PORT]/TOPIC`` (``mqtts://`` with TLS).
        class_names: the names of the classes by number, where the tracks have none.
        stream: the stream's name, where there are others; messages have it as ``stream``.

    Returns:
        The sink; it is closed after use.

    Raises:
        UsageError: for a target that is none of these, or where the extra that it needs is not
            installed.
        OutputError: where nobody can be reached there.

    Examples:
        >>> from mvot_pipelines.sinks.publish import open_publisher
        >>> open_publisher("mqtt://broker")
        Traceback (most recent call last):
        mvot_plugin.errors.UsageError: --publish 'mqtt://broker': write - (the standard output), ...
    """
    if target == STDOUT:
        return JsonLinesSink(STDOUT, class_names=class_names, stream=stream)
    try:
        parts = urlsplit(target)
        scheme, is_whole = parts.scheme.lower(), bool(parts.hostname) and parts.port != 0
    except ValueError:
        scheme, is_whole = "", False
    sender: Sender
    if is_whole and scheme in ("http", "https"):
        from mvot_pipelines.sinks.publish.webhook import WebhookSender

        sender = WebhookSender(target)
    elif is_whole and scheme in ("mqtt", "mqtts") and re.fullmatch("/[^+]*[^+/]/*", parts.path):
        from mvot_pipelines.sinks.publish.mqtt import MqttSender

        sender = MqttSender(target)
    else:
        raise UsageError(
            f"--publish {format_value(re.sub('//.*@', '//', target))}: write - (the standard "
            "output), http://HOST/PATH (a webhook), or mqtt://HOST/TOPIC (a message broker)"
        )
    return PublishSink(sender, class_names=class_names, stream=stream)
