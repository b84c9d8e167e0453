from dataclasses import fields

import pytest

from helpers.benchmarks.stored_runs import SHARES, make_run, scores_of
from mvot_benchmarks.ceiling.measurement import CeilingResult
from mvot_benchmarks.metrics.scoring import Scores
from mvot_benchmarks.mot import MotResult
from mvot_benchmarks.realtime.measurement import RtResult


@pytest.fixture
def quality():
    """A run of ``mot``: two engines on two sequences at k = 1 and 5."""
    rows = [
        MotResult(
            sequence=sequence,
            engine=engine,
            k=k,
            scores=scores_of(sequence, k, bonus),
            milliseconds=2.0 + k,
            frames=10,
        )
        for sequence in SHARES
        for engine, bonus in {"hold": 0.0, "lk-flow": 0.2}.items()
        for k in (1, 5)
    ]
    return make_run(MotResult, "mot", rows)


@pytest.fixture
def timed():
    """A run of ``rt --async``: one engine on two sequences, two costs, two modes."""
    rows = [
        RtResult(
            sequence=sequence,
            engine="lk-flow",
            k=k,
            fps=25.0,
            scores=scores_of(sequence, k, 0.1 if mode == "asynchronous" else 0.0),
            frames=10 if sequence == "A" else 30,
            processed=5 if mode == "blocking" else 10,
            detected=2,
            milliseconds=4.0,
            latency=(3.0, 9.0),
            detector_ms=cost,
            mode=mode,
        )
        for sequence in SHARES
        for cost in (30.0, 60.0)
        for mode in ("blocking", "asynchronous")
        for k in (1, 5)
    ]
    return make_run(RtResult, "rt", rows)


@pytest.fixture
def ceiling():
    """A run of ``ceiling`` on two sequences."""
    names = [one.name for one in fields(CeilingResult) if one.type is Scores]
    rows = [
        CeilingResult(
            sequence=sequence,
            engine="lk-flow",
            k=k,
            frames=10,
            milliseconds=1.0,
            **{name: scores_of(sequence, k, number / 100) for number, name in enumerate(names)},
        )
        for sequence in SHARES
        for k in (1, 5)
    ]
    return make_run(CeilingResult, "ceiling", rows)


@pytest.fixture
def project(tmp_path, quality, timed):
    """A folder with a README, documents and results; writes documents by name."""

    class Project:
        results = tmp_path / "results"
        root = tmp_path

        def store(self, name, run):
            run.path = self.results / f"{name}.json"
            run.write()

        def write(self, text, name="README.md"):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            return path

        def arguments(self, *more):
            return [
                "report", "--documents", str(tmp_path), "--results", str(self.results), *more,
            ]  # fmt: skip

    project = Project()
    project.results.mkdir()
    project.store("quality", quality)
    project.store("timed", timed)
    return project
