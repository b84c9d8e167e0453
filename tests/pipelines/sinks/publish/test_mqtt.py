"""A message broker: mosquitto, where it is installed."""

import json
import queue
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager

import paho.mqtt.client as mqtt
import pytest

from helpers.pipelines import blank_frames
from mvot_pipelines.sinks.publish import mqtt as mqtt_sender
from mvot_pipelines.sinks.publish import open_publisher, sink
from mvot_plugin.errors import OutputError
from mvot_plugin.types import Tracks

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


def find_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


class Broker:
    def __init__(self, folder):
        self.port = find_port()
        self._config = folder / "mosquitto.conf"
        self._config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n")
        self.start()

    def start(self):
        command = [str(MOSQUITTO), "-c", str(self._config)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, **quiet)
        end = time.monotonic() + 10
        while not self.answers():
            assert time.monotonic() < end, "the broker does not start"
            time.sleep(0.01)

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
        except OSError:
            return False
        return True

    def stop(self):
        self.process.kill()
        self.process.wait()

    @contextmanager
    def subscribe(self, topic):
        """Yields a queue of the messages of a topic."""
        messages = queue.Queue()
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        client.on_message = lambda *_: messages.put(json.loads(_[2].payload))
        subscribed = queue.Queue()
        client.on_subscribe = lambda *_: subscribed.put(True)
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        client.subscribe(topic, qos=1)
        subscribed.get(timeout=5)
        yield messages
        client.disconnect()
        client.loop_stop()


@pytest.fixture
def broker(tmp_path):
    if MOSQUITTO is None:
        pytest.skip("needs mosquitto")
    running = Broker(tmp_path)
    yield running
    running.stop()


def test_frames_arrive_under_their_topic(broker):
    with broker.subscribe("site/cam1") as messages:
        with open_publisher(f"mqtt://127.0.0.1:{broker.port}/site/cam1") as publisher:
            for frame in blank_frames(5):
                publisher.write(frame, Tracks.empty())
        got = [messages.get(timeout=5) for _ in range(5)]
    assert [message["frame"] for message in got] == list(range(5))
    assert got[0]["tracks"] == []
    assert publisher.notes == []


def test_a_broker_that_goes_away_is_no_end_of_the_run(broker, monkeypatch):
    monkeypatch.setattr(sink, "_CLOSING_SECONDS", 0.2)
    with open_publisher(f"mqtt://127.0.0.1:{broker.port}/cam") as publisher:
        broker.stop()
        for frame in blank_frames(5):
            publisher.write(frame, Tracks.empty())
    (note,) = publisher.notes
    assert note.startswith(f"5 frames were not sent to mqtt://127.0.0.1:{broker.port}/cam (")


def test_a_broker_that_comes_back_gets_the_rest(broker):
    with open_publisher(f"mqtt://127.0.0.1:{broker.port}/cam") as publisher:
        *before, last = blank_frames(5)
        broker.stop()
        for frame in before:
            publisher.write(frame, Tracks.empty())
        broker.start()
        with broker.subscribe("cam") as messages:
            publisher.write(last, Tracks.empty())
            while messages.get(timeout=5)["frame"] != last.index:
                pass
    assert publisher.notes == []


def test_a_broker_that_hangs_is_no_end_of_the_run(broker, monkeypatch):
    monkeypatch.setattr(mqtt_sender, "_SECONDS", 0.3)
    with broker.subscribe("cam") as messages:
        with open_publisher(f"mqtt://127.0.0.1:{broker.port}/cam") as publisher:
            broker.process.send_signal(signal.SIGSTOP)
            for frame in blank_frames(5):
                publisher.write(frame, Tracks.empty())
            with pytest.raises(OutputError, match=r"/b cannot be used \(it does not answer\)"):
                open_publisher(f"mqtt://127.0.0.1:{broker.port}/b")
            broker.process.send_signal(signal.SIGCONT)
        missing = set(range(5))
        while missing:
            missing.discard(messages.get(timeout=5)["frame"])
    assert publisher.notes == []


def test_a_broker_that_is_not_there_is_told_before_the_run():
    with pytest.raises(OutputError, match=r"--publish mqtt://127.0.0.1:\d+/a cannot be used"):
        open_publisher(f"mqtt://user:secret@127.0.0.1:{find_port()}/a")
