"""What it costs to cut a recording into pieces: scores of the unbroken run and of joined pieces."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from mvot_benchmarks.datasets import open_sequence
from mvot_benchmarks.metrics.ground_truth import GroundTruthFrame
from mvot_benchmarks.metrics.scoring import Scorer, Scores
from mvot_benchmarks.streams.clips import write_video
from mvot_benchmarks.streams.comparison import CLUSTER_COMMAND, RUN_COMMAND
from mvot_benchmarks.streams.processes import CommandLine, run_commands
from mvot_plugin.motfile import MotRows, read_mot
from mvot_plugin.types import Detections, Tracks

__all__ = ["JoiningBenchmark", "JoiningResult", "format_row", "format_table"]

_LONGEST_ABSENCE = 10.0
"""Seconds out of view after which nobody is remembered, as of ``pipeline.memory.seconds``."""


@dataclass(frozen=True, kw_only=True)
class JoiningResult:
    """The scores of a recording that was tracked whole, or in pieces."""

    sequence: str
    """The sequence that is played forwards and backwards in turn."""
    seconds: float
    """How long that takes."""
    k: int
    """The detector ran on every k-th frame."""
    piece: float | None
    """Seconds of a piece; None is the unbroken run."""
    overlap: float | None
    """Seconds that two pieces share; None is what the cluster takes by itself."""
    workers: int
    """Workers that tracked the pieces."""
    frames: int
    """Frames that were tracked."""
    mota: float
    """A share, as the other scores."""
    idf1: float
    hota: float
    switches: int
    """Identity switches."""

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells a row from others."""
        return self.sequence, self.seconds, self.k, self.piece, self.overlap, self.workers


class JoiningBenchmark:
    """Tracks a sequence that is played forwards and backwards until it is long.

    Args:
        path: A MOT sequence with public detections.
        folder: Takes the recording, its detections and its tracks; it exists.
        seconds: The length of the recording.
        k: The detector runs on every k-th frame.
    """

    def __init__(self, path: str | Path, folder: Path, seconds: float, k: int) -> None:
        self._sequence = open_sequence(path)
        self.name, self._seconds, self._k = self._sequence.name, seconds, k
        self._folder = folder / self.name
        self._folder.mkdir(exist_ok=True)
        self._order = self._write_recording()

    def measure(self, piece: float | None, overlap: float | None, workers: int) -> JoiningResult:
        """Track with ``mvot-cluster``, or, where ``piece`` is None, with ``mvot-run``.

        Raises ``InputError`` where the command fails.
        """
        tracks = self._folder / "tracks.txt"
        arguments = [
            *(RUN_COMMAND if piece is None else CLUSTER_COMMAND),
            str(self._folder / "long.mp4"),
            *("--detections", str(self._folder / "det.txt")),
            *("--detect-every", str(self._k), "--save-txt", str(tracks), "--overwrite"),
        ]
        if piece is not None:
            arguments += ["--piece", f"{piece:g}", "--workers", str(workers)]
        if overlap is not None:
            arguments += ["--overlap", f"{overlap:g}"]
        run = run_commands([CommandLine(arguments=arguments, tracks=[tracks])], self._folder)
        scores = self._score(read_mot(tracks))
        return JoiningResult(
            sequence=self.name,
            seconds=self._seconds,
            k=self._k,
            piece=piece,
            overlap=overlap,
            workers=workers,
            frames=run.frames,
            mota=scores.mota,
            idf1=scores.idf1,
            hota=scores.hota,
            switches=scores.switches,
        )

    def _write_recording(self) -> list[int]:
        """Write the video and its detections; returns the frame of the sequence of each frame."""
        sequence = self._sequence
        with sequence.open() as source:
            frames = list(islice(source, sequence.length))
            self._rate, size = source.frame_rate, source.size
        order = _bounce(len(frames), round(self._seconds * self._rate))
        images = (frames[number].image for number in order)
        write_video(self._folder / "long.mp4", images, self._rate, size)
        detector, rows = sequence.detector(), list[str]()
        for number, frame in enumerate(order):
            if number % self._k == 0:
                rows += _format_detections(number, detector(frames[frame]))
        (self._folder / "det.txt").write_text("".join(rows))
        return order

    def _score(self, rows: MotRows) -> Scores:
        order, scorer = np.argsort(rows.frame, kind="stable"), Scorer()
        starts = np.searchsorted(rows.frame[order], np.arange(len(self._order) + 1))
        for number, truth in enumerate(self._list_ground_truth()):
            own = order[starts[number] : starts[number + 1]]
            scorer.add(truth, _to_tracks(rows, own))
        return scorer.scores()

    def _list_ground_truth(self) -> Iterator[GroundTruthFrame]:
        """The ground truth of each frame; who was away for long comes back as somebody else."""
        known = list(self._sequence.ground_truth_frames())
        longest = _LONGEST_ABSENCE * self._rate
        seen, identities, count = dict[int, int](), dict[int, int](), 0
        for number, frame in enumerate(self._order):
            for one in known[frame].id.tolist():
                if one not in seen or number - seen[one] > longest:
                    identities[one], count = count, count + 1
                seen[one] = number
            ids = [identities[one] for one in known[frame].id.tolist()]
            yield replace(known[frame], id=np.array(ids, np.int64))


def _bounce(length: int, count: int) -> list[int]:
    """The numbers of ``count`` frames of a sequence that is played forwards and backwards."""
    period = [*range(length), *range(length - 2, 0, -1)] or [0]
    return [period[number % len(period)] for number in range(count)]


def _format_detections(number: int, found: Detections) -> Iterator[str]:
    """The detections of a frame as MOT rows."""
    for (x0, y0, x1, y1), score in zip(found.xyxy, found.confidence, strict=True):
        box = f"{x0 + 1:.2f},{y0 + 1:.2f},{x1 - x0:.2f},{y1 - y0:.2f}"
        yield f"{number + 1},-1,{box},{score:.4f}\n"


def _to_tracks(rows: MotRows, own: np.ndarray) -> Tracks:
    """The tracks of a frame, from rows of a file."""
    return Tracks(
        id=rows.id[own],
        xyxy=rows.xyxy[own],
        score=rows.score[own],
        class_id=np.zeros(len(own), np.int64),
        detected=np.zeros(len(own), np.bool_),
        detection_index=np.full(len(own), -1, np.int64),
    )


def format_row(row: JoiningResult) -> str:
    """A row as a line of progress."""
    return f"{row.sequence} {_describe(row)}: IDF1 {100 * row.idf1:.2f}"


def format_table(rows: Sequence[JoiningResult]) -> str:
    """The scores as a Markdown table; differences are to the unbroken run of the same recording."""
    titles = "sequence, length", "k", "tracked", "MOTA", "IDF1", "HOTA", "switches", "IDF1 lost"
    lines = [f"| {' | '.join(titles)} |", f"|{' --- |' * len(titles)}"]
    whole = {(row.sequence, row.seconds, row.k): row for row in rows if row.piece is None}
    for row in rows:
        unbroken = whole.get((row.sequence, row.seconds, row.k))
        is_cut = unbroken is not None and row.piece is not None
        lost = f"{100 * (unbroken.idf1 - row.idf1):+.2f}" if unbroken and is_cut else ""
        cells = (
            f"{row.sequence}, {row.seconds:g} s",
            str(row.k),
            _describe(row),
            *(f"{100 * score:.2f}" for score in (row.mota, row.idf1, row.hota)),
            str(row.switches),
            lost,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _describe(row: JoiningResult) -> str:
    if row.piece is None:
        return "unbroken"
    overlap = "" if row.overlap is None else f", overlap {row.overlap:g} s"
    return f"pieces of {row.piece:g} s{overlap}, {row.workers} workers"
