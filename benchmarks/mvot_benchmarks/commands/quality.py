"""``mvot-bench mot``: the quality of whole pipelines."""

import argparse
from collections.abc import Mapping
from functools import partial
from itertools import product

from mvot_benchmarks import mot
from mvot_benchmarks.commands import options as shared
from mvot_benchmarks.detectors import PUBLIC
from mvot_benchmarks.extras import import_extra
from mvot_benchmarks.merging import ALL_PARTS, PARTS, build_variants
from mvot_benchmarks.metrics.scoring import Scores, check_scoring_packages
from mvot_benchmarks.reporting.plots import save_quality_plot
from mvot_benchmarks.reporting.results import Results
from mvot_benchmarks.reporting.tables import Row
from mvot_pipelines.pipeline import PipelineConfig
from mvot_pipelines.pipeline_config import SOLVERS
from mvot_plugin.errors import UsageError

__all__ = [
    "KS",
    "add_mot",
    "add_runs",
    "check_runs",
    "describe_run",
    "format_mot_row",
    "format_scores",
]

KS = (1, 2, 5, 10, 20)
"""The intervals of the detector that are measured by default."""


def add_mot(commands: shared.Commands) -> None:
    """Add ``mot``: tracking by engines and k, without a clock."""
    command = commands.add_parser(
        "mot", help="MOTA, IDF1 and HOTA on sequences, from their det.txt or a detector"
    )
    shared.add_sequences(command)
    shared.add_engines(command, "hold", "kalman", "lk-flow")
    command.add_argument("--detect-every", nargs="+", type=int, default=list(KS))
    shared.add_detectors(command)
    shared.add_embedder(command)
    command.add_argument(
        "--solver",
        nargs="+",
        choices=SOLVERS,
        default=list(SOLVERS[:1]),
        help="what merges boxes and detections: our own merging, affinity (the default), SiamMOT's "
        "online solver, or both, one after the other",
    )
    command.add_argument(
        "--without",
        nargs="+",
        default=[],
        metavar="PART",
        help="measure our own merging without each of these parts too, one at a time: "
        f"{', '.join(PARTS)}, or {ALL_PARTS}",
    )
    add_runs(command)
    command.add_argument("--plot", metavar="FILE", help="plot the results too, .png or .svg")
    shared.add_network(command)
    shared.add_json(command)
    command.set_defaults(command=_mot)


def add_runs(command: argparse.ArgumentParser) -> None:
    """Add the number of runs."""
    command.add_argument(
        "--runs",
        type=int,
        default=1,
        metavar="N",
        help="runs of each measurement, which the tables average: the first takes the detections "
        "as they are, the others drop 3 %% of them and move the edges of the rest by some 2 %%",
    )


def check_runs(options: argparse.Namespace) -> None:
    """Raise ``UsageError`` for fewer runs than one."""
    if options.runs < 1:
        raise UsageError(f"--runs must be 1 or more, got {options.runs}")


def _mot(options: argparse.Namespace) -> None:
    check_scoring_packages()
    check_runs(options)
    variants = build_variants(options.without, PipelineConfig(), options.solver)
    if options.plot is not None:
        import_extra("matplotlib.figure", "plots")
    settings = *shared.ENGINE_OPTIONS, *shared.DETECTION_OPTIONS
    rows = _measure_mot(options, variants, shared.open_results(options, mot.MotResult, *settings))
    print(mot.format_table(rows))
    if options.plot is not None:
        save_quality_plot(rows, options.plot)


def _measure_mot(
    options: argparse.Namespace,
    variants: Mapping[str, PipelineConfig],
    results: Results[mot.MotResult],
) -> list[mot.MotResult]:
    """All engines with each variant of the merging at each k, from each detector, in each run."""
    engines, detectors = shared.load_engines(options), shared.load_detector_choices(options)
    embedder, rows = shared.load_embedder_choice(options), []
    combinations = product(options.sequences, detectors, engines, variants, options.detect_every)
    with results:
        for (folder, choice, engine, variant, k), run in product(combinations, range(options.runs)):
            name, config = f"{engine}{variant}", variants[variant]
            arguments = folder, name, engines[engine], k, config, choice, run, embedder
            key = {"engine": name, "k": k, "detector": choice.name, "run": run}
            key["sequence"] = mot.sequence_label(folder)
            measure = partial(mot.evaluate_one, *arguments)
            rows.append(shared.measure_row(results, measure, format_mot_row, **key))
    return rows


def format_mot_row(row: mot.MotResult) -> str:
    """A row of ``mot`` as a line of progress."""
    run = f" run {row.run}" if row.run else ""
    return f"{describe_run(row)}{run}: {format_scores(row.scores)}, {row.milliseconds:.1f} ms/frame"


def describe_run(row: Row) -> str:
    """The sequence, detector, engine and k of a row."""
    detector = "" if row.detector == PUBLIC else f" {row.detector}"
    return f"{row.sequence}{detector} {row.engine} k={row.k}"


def format_scores(scores: Scores) -> str:
    """The scores as part of a line of progress."""
    shares = {"MOTA": scores.mota, "IDF1": scores.idf1, "HOTA": scores.hota}
    quality = ", ".join(f"{name} {100 * share:.1f}" for name, share in shares.items())
    return f"{quality}, {scores.switches} switches, {scores.false_positives} FP, {scores.misses} FN"
