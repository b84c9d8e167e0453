"""What a path names, and names that OpenCV cannot open."""

import os
from pathlib import Path

import pytest

from helpers.pipelines.videos import write_images, write_video
from mvot_pipelines.sources import open_source
from mvot_pipelines.sources.files import check_name, plain_name
from mvot_plugin.errors import InputError


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/tty"])
def test_a_device_is_no_source(name):
    with pytest.raises(InputError, match=f"{name} is a device, not a file"):
        open_source(name)


def test_a_pipe_is_no_source_and_no_description_of_a_sequence(tmp_path):
    write_images(tmp_path, ["1.png"])
    os.mkfifo(tmp_path / "seqinfo.ini")
    for path in (tmp_path, tmp_path / "seqinfo.ini"):
        with pytest.raises(InputError, match=r"seqinfo\.ini is a named pipe, not a file"):
            open_source(path)


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b"])
def test_what_can_be_no_name_is_refused(name):
    with pytest.raises(InputError, match="cannot be the name of a file or folder"):
        check_name(name)
    with pytest.raises(InputError, match="cannot be the name of a file or folder"):
        open_source(name)


def test_a_video_whose_name_is_not_utf8_is_read_under_another_one(tmp_path):
    path = write_video(tmp_path / "clip.avi").rename(tmp_path / os.fsdecode(b"\xff.avi"))
    with open_source(path) as source:
        assert source.name == path.name
        assert len(list(source)) == 12
    with plain_name(path) as plain:
        assert plain.isascii()
        assert Path(plain).samefile(path)
    assert not os.path.lexists(plain)


def test_a_name_in_utf8_is_kept(tmp_path):
    path = tmp_path / "Grüße.avi"
    with plain_name(path) as plain:
        assert plain == str(path)
