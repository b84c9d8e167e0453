import sys

import pytest

STAND_IN = """
import argparse, pathlib, time
parser = argparse.ArgumentParser()
parser.add_argument("videos", nargs="+", type=pathlib.Path)
parser.add_argument("--save-txt")
parser.add_argument("--megabytes", type=int, default=0)
parser.add_argument("--sleep", type=float, default=0.0)
parser.add_argument("--fail")
parser.add_argument("--silent", action="store_true")
parser.add_argument("--mixed-up", action="store_true")
parser.add_argument("--detect-every")
parser.add_argument("--detector")
parser.add_argument("--workers", type=int)
parser.add_argument("--piece", type=float)
parser.add_argument("--overlap", type=float)
options = parser.parse_args()
memory = b"x" * (options.megabytes * 1_000_000 * len(options.videos))
time.sleep(options.sleep)
if options.fail:
    raise SystemExit(f"mvot-run: {options.fail}")
for number, video in enumerate(options.videos):
    file = pathlib.Path(options.save_txt.replace("{name}", video.stem))
    extra = f" beside {len(options.videos)}" if options.mixed_up and number else ""
    file.write_text(f"tracks of {video.resolve().name}{extra}")
if not options.silent:
    print(f"{len(options.videos)} streams: {10 * len(options.videos)} frames in 0.5 s (20 fps)")
"""
"""What the commands look like from outside: ten frames a video, half a second."""


@pytest.fixture
def stand_in(tmp_path):
    """A program in place of ``mvot-run`` and ``mvot-cluster``."""
    path = tmp_path / "stand_in.py"
    path.write_text(STAND_IN)
    return sys.executable, str(path)


@pytest.fixture
def videos(tmp_path):
    """Two files, for a program that does not read them."""
    paths = [tmp_path / "first.mp4", tmp_path / "second.avi"]
    for path in paths:
        path.write_bytes(b"")
    return paths
