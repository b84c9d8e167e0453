import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from helpers.pipelines.disks import limit_files
from mvot_pipelines.sinks.files import OutputFile
from mvot_plugin.errors import OutputError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_was_there_stays_until_a_record_is_whole(tmp_path):
    path = tmp_path / "out"
    path.write_text("old")
    file = OutputFile(path)
    file.write(b"one")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["out"]
    file.keep()
    assert path.read_text() == "one"
    file.append(b" two")
    assert path.read_text() == "one two"
    file.write(b" thr")
    file.undo()
    file.append(b" three")
    file.close()
    file.close()
    assert path.read_text() == "one two three"
    assert names(tmp_path) == ["out"]


def test_the_file_that_a_link_leads_to_is_replaced_with_its_permissions(tmp_path):
    old, link, other = (tmp_path / name for name in ("old", "link", "other"))
    old.write_text("old")
    old.chmod(0o640)
    link.symlink_to("old")
    os.link(old, other)
    file = OutputFile(link)
    file.append(b"new")
    file.close()
    assert link.is_symlink()
    assert old.read_text() == "new"
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert other.read_text() == "old", "another name of the old file is not touched"


def test_a_link_to_nothing_makes_the_file(tmp_path):
    (tmp_path / "link").symlink_to("new")
    file = OutputFile(tmp_path / "link")
    file.append(b"new")
    file.close()
    assert (tmp_path / "new").read_text() == "new"


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_a_new_file_has_the_permissions_that_the_process_gives(tmp_path):
    before = os.umask(0o027)
    try:
        file = OutputFile(tmp_path / "out")
        file.append(b"new")
        file.close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o640


def test_two_writers_of_one_file_leave_the_whole_of_the_later_and_the_first_says_so(tmp_path):
    path = tmp_path / "out"
    first, later = OutputFile(path), OutputFile(path)
    first.append(b"first")
    later.append(b"later")
    first.append(b" first")
    later.append(b" later")
    with pytest.raises(OutputError, match="out was removed or replaced while it was written"):
        first.close()
    later.close()
    assert path.read_text() == "later later"


def test_a_file_that_was_moved_is_no_failure(tmp_path):
    file = OutputFile(tmp_path / "out")
    file.append(b"one")
    (tmp_path / "out").rename(tmp_path / "moved")
    file.append(b" two")
    file.close()
    assert (tmp_path / "moved").read_text() == "one two"


def test_a_folder_that_is_removed_is_named_at_the_first_record_or_the_end(tmp_path):
    folder = tmp_path / "folder"
    early, late = OutputFile(folder / "early"), OutputFile(folder / "late")
    late.append(b"one")
    (folder / "late").unlink()
    folder.rmdir()
    with pytest.raises(OutputError, match="early: No such file or directory"):
        early.append(b"one")
    with pytest.raises(OutputError, match="late was removed or replaced"):
        late.close()


def test_a_record_that_does_not_fit_leaves_those_before_it(tmp_path):
    path = tmp_path / "out"
    path.write_text("old")
    file = OutputFile(path)
    with limit_files(4), pytest.raises(OutputError, match="out: File too large"):
        file.append(b"too long")
    assert path.read_text() == "old"
    file.append(b"one")
    with limit_files(8), pytest.raises(OutputError, match="out: File too large"):
        file.append(b" too long")
    file.close()
    assert path.read_text() == "one"
    assert names(tmp_path) == ["out"]


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_pipes_and_devices_stay_what_they_are(tmp_path):
    pipe, received = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    file = OutputFile(pipe)
    file.append(b"one")
    file.append(b" two")
    file.close()
    reader.join(30)
    assert received == [b"one two"]
    assert pipe.is_fifo()
    file = OutputFile("/dev/null")
    file.append(b"one")
    file.close()
    assert Path("/dev/null").is_char_device()


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="needs /dev/stdout")
def test_standard_output_is_written_in_turn_where_it_is_a_file(tmp_path):
    script = (
        "from mvot_pipelines.sinks.files import OutputFile\n"
        "print('before', flush=True)\n"
        "file = OutputFile('/dev/stdout')\n"
        "file.append(b'record\\n')\n"
        "file.close()\n"
        "print('after')\n"
    )
    with (tmp_path / "out").open("wb") as out:
        subprocess.run([sys.executable, "-c", script], stdout=out, check=True)
    assert (tmp_path / "out").read_text() == "before\nrecord\nafter\n"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (".", "Is a directory"),
        ("x" * 300, "File name too long"),
        ("null\0byte", "embedded null byte"),
        ("loop", "Too many levels of symbolic links"),
        ("file/out", "(Not a directory|File exists)"),
        ("/proc/out", "No such file or directory"),
    ],
)
def test_what_cannot_be_written_is_named_with_the_reason(tmp_path, name, reason):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match=f"cannot write .*: {reason}"):
        OutputFile(tmp_path / name)


def test_a_name_may_be_any_bytes_and_as_long_as_the_disk_takes(tmp_path):
    for name in (os.fsdecode(b"\xff\xfe"), "x" * 255):
        file = OutputFile(tmp_path / name)
        file.append(b"one")
        file.close()
        assert (tmp_path / name).read_text() == "one"
