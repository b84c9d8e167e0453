"""What libraries and Python write to stderr while images and videos are decoded."""

import ctypes
import os
import sys
import threading
import time

import cv2
import pytest

from helpers.pipelines.streams import MjpegServer
from helpers.pipelines.videos import noise_image
from mvot_pipelines.sources import open_source
from mvot_pipelines.sources.limits import LimitsConfig
from mvot_pipelines.sources.quiet import silence_libraries, silence_log
from mvot_plugin.errors import InputError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems name it otherwise")


def print_in_c(text: bytes) -> None:
    """Print to C's stderr, as libpng does."""
    library = ctypes.CDLL(None)
    library.fputs(text, ctypes.c_void_p.in_dll(library, "stderr"))


def test_libraries_are_silent_and_python_is_not(capfd):
    with silence_libraries():
        print_in_c(b"from C\n")
        print("from Python", file=sys.stderr)
        os.write(2, b"from a file number\n")
    print_in_c(b"from C, later\n")
    lines = capfd.readouterr().err.splitlines()
    assert lines == ["from Python", "from a file number", "from C, later"]


def test_the_last_of_several_threads_ends_the_silence(capfd):
    inside, outside = threading.Event(), threading.Event()

    def decode() -> None:
        with silence_libraries():
            inside.set()
            outside.wait(60)

    with silence_libraries():
        thread = threading.Thread(target=decode)
        thread.start()
        assert inside.wait(60)
    print_in_c(b"hidden\n")
    outside.set()
    thread.join()
    print_in_c(b"shown\n")
    assert capfd.readouterr().err == "shown\n"


def test_others_are_heard_while_a_stream_is_read(capfd):
    limits = LimitsConfig(silence=1.0)
    with MjpegServer() as server, open_source(server.url, reconnect=0, limits=limits) as source:
        next(iter(source))
        server.silent.set()
        for _ in range(20):
            print_in_c(b".")
            time.sleep(0.01)
    assert capfd.readouterr().err == 20 * "."


def test_the_log_is_as_before_whatever_is_left_last():
    level = cv2.utils.logging.getLogLevel()
    log, libraries = silence_log(), silence_libraries()
    libraries.__enter__()
    log.__enter__()
    libraries.__exit__(None, None, None)
    log.__exit__(None, None, None)
    assert cv2.utils.logging.getLogLevel() == level


@pytest.mark.parametrize("ending", [".png", ".jpg", ".tiff"])
def test_a_damaged_image_is_one_sentence_and_nothing_else(tmp_path, capfd, ending):
    data = cv2.imencode(ending, noise_image(0))[1].tobytes()
    (tmp_path / f"1{ending}").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="cannot be read as an image"):
        open_source(tmp_path)
    assert capfd.readouterr().err == ""
