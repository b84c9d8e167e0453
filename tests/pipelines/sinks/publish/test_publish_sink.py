"""What is written is sent, however slow or broken the receiver is, and nobody waits for it."""

import json
import threading

import numpy as np
import pytest

from helpers.pipelines import blank_frames
from mvot_pipelines.counting import Count
from mvot_pipelines.sinks import JsonLinesSink
from mvot_pipelines.sinks.publish import PublishSink, open_publisher, sink
from mvot_plugin.errors import UsageError
from mvot_plugin.types import Tracks

TRACKS = Tracks(
    id=np.array([5, 2]),
    xyxy=np.array([[1, 2, 30, 40], [5, 6, 70, 80]], np.float32),
    score=np.array([0.5, 0.75], np.float32),
    class_id=np.array([0, 1]),
    detected=np.array([True, False]),
)


class Receiver:
    """Takes messages, or fails as often as it is told to."""

    name = "somewhere"

    def __init__(self, failures=0):
        self.failures, self.messages, self.closed = failures, [], 0
        self.may_send = threading.Event()
        self.may_send.set()

    def send(self, messages):
        self.may_send.wait(10)
        if self.failures:
            self.failures -= 1
            raise OSError("the receiver is away")
        self.messages += [json.loads(message) for message in messages]

    def close(self):
        self.closed += 1


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    monkeypatch.setattr(sink, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(sink, "_CLOSING_SECONDS", 0.3)


def test_each_frame_is_a_message_in_order():
    receiver = Receiver()
    line = Count(name="door", kind="line", points=np.zeros((2, 2), np.float32), entered=3, left=1)
    with PublishSink(receiver, class_names={0: "person"}) as publisher:
        for frame in blank_frames(150):
            publisher.write(frame, TRACKS, (line,) if frame.index else ())
    assert [message["frame"] for message in receiver.messages] == list(range(150))
    first, second = receiver.messages[:2]
    assert [track["id"] for track in first["tracks"]] == [2, 5]
    assert first["tracks"][1]["class"] == "person"
    assert "counts" not in first
    assert second["counts"] == [{"name": "door", "kind": "line", "in": 3, "out": 1}]
    assert publisher.notes == []
    assert receiver.closed == 1
    publisher.close()
    assert receiver.closed == 1


def test_what_fails_is_sent_again():
    receiver = Receiver(failures=3)
    with PublishSink(receiver) as publisher:
        for frame in blank_frames(20):
            publisher.write(frame, TRACKS)
    assert [message["frame"] for message in receiver.messages] == list(range(20))
    assert publisher.notes == []


def test_the_oldest_give_way_while_the_receiver_is_stuck(monkeypatch):
    monkeypatch.setattr(sink, "_MOST_WAITING", 10)
    receiver = Receiver()
    receiver.may_send.clear()
    with PublishSink(receiver) as publisher:
        for frame in blank_frames(50):
            publisher.write(frame, TRACKS)
        receiver.may_send.set()
    sent = [message["frame"] for message in receiver.messages]
    assert sent[-10:] == list(range(40, 50))
    lost = f"{50 - len(sent)} frames were not sent to somewhere (it takes them too slowly)"
    assert publisher.notes == [lost]


def test_a_receiver_that_is_stuck_at_the_end_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(sink, "_CLOSING_SECONDS", 0.05)
    receiver = Receiver()
    receiver.may_send.clear()
    with PublishSink(receiver) as publisher:
        for frame in blank_frames(7):
            publisher.write(frame, TRACKS)
    notes = publisher.notes
    receiver.may_send.set()
    assert notes == ["7 frames were not sent to somewhere (it takes them too slowly)"]


def test_a_receiver_that_never_comes_back_ends_with_a_note():
    receiver = Receiver(failures=10**6)
    with PublishSink(receiver) as publisher:
        for frame in blank_frames(7):
            publisher.write(frame, TRACKS)
    (note,) = publisher.notes
    assert note == "7 frames were not sent to somewhere (OSError: the receiver is away)"
    assert receiver.closed == 1


NO_TARGETS = """x ftp://a/b http:// mqtt://host mqtt://host/ mqtt://host/+/a http://[bad/
ftp://me:secret@a/b mqtt://me:secret@host http://me:sec/ret@host/"""


@pytest.mark.parametrize("target", ["", *NO_TARGETS.split()])
def test_what_is_no_target_is_refused(target):
    with pytest.raises(UsageError, match=r"write - .*http://HOST/PATH .*mqtt://HOST/TOPIC") as told:
        open_publisher(target)
    assert "sec" not in str(told.value)


def test_the_standard_output_gets_json_lines(capfd):
    with open_publisher("-") as publisher:
        assert isinstance(publisher, JsonLinesSink)
        publisher.write(blank_frames(1)[0], TRACKS)
    assert [json.loads(line)["id"] for line in capfd.readouterr().out.splitlines()] == [2, 5]
