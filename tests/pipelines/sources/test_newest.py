"""The thread that keeps the newest frame."""

import subprocess
import sys

_SCRIPT = """
import threading, time
from mvot_pipelines.sources.newest import NewestFrame

left = threading.Event()

def read(stopped):
    left.wait()
    time.sleep(0.2)
    print("ended", flush=True)
    yield from ()

newest = NewestFrame(read, 0.0)
newest.stop()
print("left", flush=True)
left.set()
"""


def test_a_thread_that_was_left_behind_is_waited_for_at_the_end():
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()) == (0, ["left", "ended"])
