"""Files and pipes of text that end, and those that do not."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mvot_plugin import textfile
from mvot_plugin.errors import InputError
from mvot_plugin.motfile import read_mot
from mvot_plugin.textfile import read_bytes

ROW = b"1,-1,10,20,30,40,0.5\n"


@pytest.fixture
def pipe(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def test_a_file_of_the_most_bytes_is_read_and_a_larger_one_refused(tmp_path):
    path = tmp_path / "file.txt"
    path.write_bytes(ROW)
    assert read_bytes(path, len(ROW)) == ROW
    with pytest.raises(InputError, match=r"file\.txt is larger than 0 MiB"):
        read_bytes(path, len(ROW) - 1)


def test_a_pipe_is_read_to_its_end_also_where_its_writer_pauses(pipe, monkeypatch):
    monkeypatch.setattr(textfile, "OPENING_SECONDS", 0.02)
    with os.fdopen(os.open(pipe, os.O_RDWR)) as kept:

        def write():
            with pipe.open("wb") as file:
                file.write(ROW)
                file.flush()
                kept.close()
                paused.wait(0.2)
                file.write(ROW)

        paused = threading.Event()
        thread = threading.Thread(target=write)
        thread.start()
        assert len(read_mot(pipe)) == 1
        thread.join()


def test_a_pipe_that_nothing_writes_to_is_refused(pipe, monkeypatch):
    monkeypatch.setattr(textfile, "OPENING_SECONDS", 0.02)
    with pytest.raises(InputError, match="pipe is a pipe that nothing is written to"):
        read_mot(pipe)


def test_a_pipe_is_waited_for_while_it_has_a_writer(pipe, monkeypatch):
    monkeypatch.setattr(textfile, "OPENING_SECONDS", 0.02)
    with os.fdopen(os.open(pipe, os.O_RDWR), "wb", buffering=0) as writer:
        timer = threading.Timer(0.2, writer.write, [b"1,-1,1,1,5,5,1\n"])
        timer.start()
        reader = ThreadPoolExecutor(1).submit(read_mot, pipe)
        timer.join()
    assert len(reader.result(timeout=30)) == 1


def test_a_folder_leaves_no_file_open(tmp_path):
    before = len(list(Path("/dev/fd").iterdir()))
    for _ in range(5):
        with pytest.raises(InputError, match="is a folder"):
            read_mot(tmp_path)
    assert len(list(Path("/dev/fd").iterdir())) == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/full"])
def test_devices_without_end_are_no_text(device):
    with pytest.raises(InputError, match=f"{device} is not a text file"):
        read_mot(device)


def test_names_that_no_file_has_are_refused():
    for name in ("a\0b", "\ud800"):
        with pytest.raises(InputError, match="is not the name of a file"):
            read_mot(name)
