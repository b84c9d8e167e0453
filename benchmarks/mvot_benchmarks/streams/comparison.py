"""Ways to track several videos, or a long one, as commands that are run and compared."""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mvot_benchmarks.streams.clips import link_videos
from mvot_benchmarks.streams.processes import CommandLine, run_commands
from mvot_benchmarks.streams.results import PLAIN, TOGETHER, WORKERS, CommandRun
from mvot_plugin.errors import UsageError

__all__ = ["CLUSTER_COMMAND", "RUN_COMMAND", "CommandBenchmark", "describe_differences"]

RUN_COMMAND = (sys.executable, "-m", "mvot_pipelines.cli")
"""``mvot-run``."""
CLUSTER_COMMAND = (
    *(sys.executable, "-c"),
    "import sys; from mvot_pipelines.cluster.cli import main; sys.exit(main())",
)
"""``mvot-cluster``."""
_MEMORY_ROUND = 0
_PIECE_OVERLAPS = 12
"""A piece is so many overlaps long, as 60 s are with one of 5 s."""


@dataclass(frozen=True, kw_only=True)
class CommandBenchmark:
    """Runs commands on videos, and measures them from outside."""

    folder: Path
    """Takes what the commands write; it exists."""
    options: Sequence[str]
    """The options of all commands."""
    run_command: Sequence[str] = RUN_COMMAND
    """The program that stands for ``mvot-run``."""
    cluster_command: Sequence[str] = CLUSTER_COMMAND
    """The program that stands for ``mvot-cluster``."""

    def track_cameras(
        self, way: str, videos: Sequence[Path], count: int, number: int
    ) -> CommandRun:
        """Track videos side by side.

        Args:
            way: ``TOGETHER``, or another: a process for each video.
            videos: The videos; the first ones are taken again where there are too few.
            count: The streams.
            number: The round; in round 0, memory is measured.

        Returns:
            What was measured.

        Raises:
            InputError: A command failed.
            UsageError: The commands do not say how many frames they tracked.
        """
        links = link_videos(videos, self.folder, count)
        output = self._make_folder()
        files = [output / f"{link.stem}.txt" for link in links]
        if way == TOGETHER:
            commands = [self._build(links, files, str(output / "{name}.txt"))]
        else:
            pairs = zip(links, files, strict=True)
            commands = [self._build([link], [file], str(file)) for link, file in pairs]
        return self._measure(commands, output, way, count, 1, number)

    def track_long(self, video: Path, workers: int | None, piece: float, number: int) -> CommandRun:
        """Track one long video.

        Args:
            video: The video.
            workers: The workers of the cluster; None is ``mvot-run``.
            piece: The seconds of the pieces that the cluster cuts it into.
            number: The round, 1 or more.

        Returns:
            What was measured.

        Raises:
            InputError: The command failed.
            UsageError: The command does not say how many frames it tracked.
        """
        way = PLAIN if workers is None else WORKERS
        output = self._make_folder()
        file = output / "tracks.txt"
        if workers is None:
            command = self._build([video], [file], str(file))
        else:
            pieces = ["--piece", f"{piece:g}", "--overlap", f"{piece / _PIECE_OVERLAPS:g}"]
            more = ["--workers", str(workers), *pieces, "--save-txt", str(file)]
            arguments = [*self.cluster_command, str(video), *more, *self.options]
            command = CommandLine(arguments=arguments, tracks=[file])
        return self._measure([command], output, way, 1, workers or 1, number)

    def _build(self, videos: Sequence[Path], files: Sequence[Path], pattern: str) -> CommandLine:
        """``mvot-run`` on some videos."""
        arguments = [*self.run_command, *map(str, videos), "--save-txt", pattern, *self.options]
        return CommandLine(arguments=arguments, tracks=files)

    def _make_folder(self) -> Path:
        """A new folder for what a run writes."""
        return Path(tempfile.mkdtemp(prefix="run-", dir=self.folder))

    def _measure(
        self,
        commands: Sequence[CommandLine],
        output: Path,
        way: str,
        streams: int,
        workers: int,
        number: int,
    ) -> CommandRun:
        """Run commands, and name what was measured."""
        measured = run_commands(commands, output, with_memory=number == _MEMORY_ROUND)
        if not measured.frames:
            raise UsageError(
                "the commands print no summary with the number of frames: leave --quiet out of "
                "--run-options"
            )
        return CommandRun(
            way=way, streams=streams, workers=workers, round=number, **asdict(measured)
        )


def describe_differences(runs: Sequence[CommandRun]) -> str:
    """Which streams got other tracks in some of the runs, as text; empty where all are the same.

    Streams are compared with those of the first run that has as many.
    """
    lines = []
    for streams in dict.fromkeys(run.streams for run in runs):
        first, *others = [run for run in runs if run.streams == streams]
        for run in others:
            pairs = enumerate(zip(first.digests, run.digests, strict=True), 1)
            names = [f"cam-{number}" for number, (one, other) in pairs if one != other]
            if names:
                place = f"round {run.round}" if run.round else "the round of memory"
                lines.append(f"{run.way}, {place}: {', '.join(names)}")
    return "; ".join(lines)
