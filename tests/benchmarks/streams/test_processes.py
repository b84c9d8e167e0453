"""Commands side by side: their time, their memory, their tracks, and what goes wrong."""

import math
import os
import subprocess
import sys
import time

import pytest

from mvot_benchmarks.streams.comparison import CommandBenchmark, describe_differences
from mvot_benchmarks.streams.memory import measure_peak, read_memory
from mvot_benchmarks.streams.processes import CommandLine, run_commands
from mvot_benchmarks.streams.results import EACH, PLAIN, TOGETHER, WORKERS
from mvot_plugin.errors import InputError, UsageError


@pytest.fixture
def build(tmp_path, stand_in):
    """Builds a benchmark of the stand-in with some options."""

    def build(*options):
        folder = tmp_path / "runs"
        folder.mkdir()
        commands = {"run_command": stand_in, "cluster_command": stand_in}
        return CommandBenchmark(folder=folder, options=options, **commands)

    return build


def test_one_process_and_a_process_a_camera_track_the_same_videos(build, videos):
    benchmark = build()
    together, each = (benchmark.track_cameras(way, videos, 5, 1) for way in (TOGETHER, EACH))
    assert (together.way, together.streams, together.round) == (TOGETHER, 5, 1)
    assert together.frames == each.frames == 50
    assert together.tracking == each.tracking == 0.5
    assert together.seconds > 0
    assert math.isnan(together.memory)
    assert together.digests == each.digests
    assert together.digests[0] == together.digests[2] != together.digests[1]
    assert describe_differences([together, each]) == ""


def test_processes_of_cameras_run_at_once(build, videos):
    run = build("--sleep", "0.5").track_cameras(EACH, videos, 4, 1)
    assert 0.5 < run.seconds < 1.9


def test_other_tracks_of_a_stream_are_found(build, videos):
    benchmark = build("--mixed-up")
    runs = [benchmark.track_cameras(way, videos, 3, 1) for way in (EACH, TOGETHER)]
    assert describe_differences(runs) == "one process, round 1: cam-2, cam-3"


def test_memory_is_measured_in_round_0(build, videos):
    benchmark = build("--megabytes", "40", "--sleep", "0.5")
    one, three = (benchmark.track_cameras(TOGETHER, videos, count, 0) for count in (1, 3))
    assert three.memory - one.memory == pytest.approx(80, abs=8)
    each = benchmark.track_cameras(EACH, videos, 3, 0)
    assert each.memory > three.memory


def test_a_long_video_goes_to_the_cluster_or_to_mvot_run(build, videos):
    benchmark = build()
    plain, cluster = (benchmark.track_long(videos[0], workers, 15.0, 1) for workers in (None, 2))
    assert (plain.way, plain.workers) == (PLAIN, 1)
    assert (cluster.way, cluster.workers) == (WORKERS, 2)
    assert plain.digests == cluster.digests


def test_memory_of_processes_that_a_process_starts_counts():
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    child = "x = bytearray(b'x' * 60_000_000); import time; time.sleep(0.6)"
    with subprocess.Popen([sys.executable, "-c", code, child]) as process:
        assert measure_peak([process]) > 60


def test_memory_is_that_of_the_processes_and_nothing_after_their_end():
    own = read_memory([os.getpid()])
    assert own > 20
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
        assert read_memory([process.pid]) == 0


def test_a_command_that_fails_is_named_with_what_it_said_and_the_others_stop(build, videos):
    start = time.perf_counter()
    with pytest.raises(InputError, match=r"failed \(exit code 1\): .*: mvot-run: no detector"):
        build("--fail", "no detector").track_cameras(EACH, videos, 2, 1)
    assert time.perf_counter() - start < 30


def test_commands_that_still_run_are_stopped_where_one_cannot_be_started(tmp_path, stand_in):
    sleeper = CommandLine(arguments=[*stand_in, "a", "--sleep", "60"], tracks=[])
    missing = CommandLine(arguments=[str(tmp_path / "nothing")], tracks=[])
    start = time.perf_counter()
    with pytest.raises(InputError, match=r"cannot run .*nothing: No such file"):
        run_commands([sleeper, missing], tmp_path)
    assert time.perf_counter() - start < 30


def test_a_command_that_writes_no_tracks_is_named(tmp_path, stand_in):
    arguments = [*stand_in, "a.mp4", "--save-txt", str(tmp_path / "other.txt")]
    command = CommandLine(arguments=arguments, tracks=[tmp_path / "cam-1.txt"])
    with pytest.raises(InputError, match=r"wrote no cam-1.txt \(No such file or directory\): "):
        run_commands([command], tmp_path)


def test_commands_without_a_summary_are_refused(build, videos):
    with pytest.raises(UsageError, match="leave --quiet out of --run-options"):
        build("--silent").track_cameras(TOGETHER, videos, 2, 1)
