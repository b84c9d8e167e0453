"""What marks can be filled with."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from helpers.benchmarks.moving_sequence import make_scores
from helpers.benchmarks.stored_runs import make_run
from helpers.paths import ROOT
from mvot_benchmarks.commands.motion import AblationResult, VotResult
from mvot_benchmarks.documents.kinds import KINDS, build_tables
from mvot_benchmarks.intervals.measurement import ADAPTIVE, FIXED_K, IntervalResult
from mvot_benchmarks.peers.comparison import PeerResult
from mvot_benchmarks.reporting.report import KINDS as COMMANDS
from mvot_benchmarks.reporting.results import read_results
from mvot_benchmarks.reporting.summaries import format_summary
from mvot_benchmarks.reporting.tables import format_quality, pool_rows
from mvot_benchmarks.vot import VotScore
from mvot_plugin.errors import UsageError


def build(kind, run, **keys):
    (table,) = build_tables(kind, run, {"results": "a", **keys})
    return table


def test_quality_is_the_mean_over_sequences_that_the_commands_print(quality):
    table = build("quality", quality)
    assert table.heading == "MOTA / IDF1 / HOTA, mean of 2 sequences"
    assert table.columns == ("k = 1", "k = 5")
    assert table.rows[1] == ("lk-flow", "80.0 / 70.0 / 60.0", "70.0 / 60.0 / 50.0")
    (printed,) = format_summary(quality.rows)
    spread = build("quality", quality, spread="yes")
    assert [line.rsplit(" | ", 1)[0] for line in printed.splitlines()[2:]] == [
        line.removesuffix(" |") for line in spread.to_markdown().splitlines()[2:]
    ]
    assert spread.cell("hold", "k = 1", 1) == "60.0±14.1"


def test_quality_is_of_all_sequences_as_one_or_of_one_of_them(quality):
    table = build("quality", quality, over="all")
    pooled = pool_rows([quality.rows[0], quality.rows[4]], "frames")
    assert table.heading.endswith(", 2 sequences as one")
    assert table.cell("hold", "k = 1") == format_quality(pooled)
    assert build("quality", quality, over="B").cell("hold", "k = 5") == "60.0 / 50.0 / 40.0"
    each = build("quality", quality, over="each", k="5", scores="idf1")
    assert each.columns == ("A", "B")
    assert each.rows == (("hold", "30.0", "50.0"), ("lk-flow", "50.0", "70.0"))


def test_rows_columns_and_scores_are_chosen_by_keys(quality):
    table = build("quality", quality, rows="lk-flow,hold", k="5", scores="hota,mota")
    assert table.heading == "HOTA / MOTA, mean of 2 sequences"
    assert table.names == ["lk-flow", "hold"]
    assert table.rows[0] == ("lk-flow", "50.0 / 70.0")
    assert build("quality", quality, columns="k = 5").columns == ("k = 5",)


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"over": "C"}, "unknown over 'C'"),
        ({"k": "7"}, "unknown k '7': choose from 1, 5"),
        ({"rows": "lk-flo"}, "unknown row 'lk-flo': did you mean 'lk-flow'?"),
        ({"scores": "moat"}, "unknown scores 'moat'"),
        ({"score": "mota"}, "unknown key 'score': did you mean 'scores'?"),
        ({"spread": "on"}, "spread=on: is yes or no"),
        ({"columns": "k = 2"}, "unknown column 'k = 2'"),
        ({"over": "each"}, "say one k="),
    ],
)
def test_a_key_that_names_nothing_is_an_error(quality, keys, reason):
    with pytest.raises(UsageError) as caught:
        build("quality", quality, **keys)
    assert reason in str(caught.value)


def test_a_kind_is_not_of_results_of_any_command(quality, timed):
    with pytest.raises(UsageError, match="motion is of results of vot, not mot"):
        build("motion", quality)
    quality.rows = [row for row in quality.rows if row.sequence == "A"]
    with pytest.raises(UsageError, match="of one sequence: say over=A"):
        build("quality", quality)
    timed.rows = []
    with pytest.raises(UsageError, match="have no rows"):
        build("costs", timed)


def test_runs_are_averaged_before_sequences_are(quality):
    quality.rows += [
        replace(row, run=1, scores=replace(row.scores, mota=row.scores.mota - 0.2))
        for row in quality.rows
    ]
    assert build("quality", quality).cell("hold", "k = 1", 1) == "50.0"


def test_peers_are_tables_of_quality_without_their_motion(quality):
    rows = [
        PeerResult(**{name: value for name, value in vars(row).items() if name != "detector"},
                   detector="replay")
        for row in quality.rows
    ]  # fmt: skip
    motion = vot_score(1.0, 1, 0.5)
    rows.append(PeerResult(sequence="A", engine="hold", motion=motion, milliseconds=1.0))
    peers = make_run(PeerResult, "peers", rows)
    assert build("quality", peers) == build("quality", quality)


def test_a_summary_has_a_row_for_an_engine_at_a_k_and_the_time_of_a_detector(quality):
    table = build("summary", quality, rows="lk-flow@1,hold@5", detector="60")
    assert table.heading == "mean of 2 sequences"
    assert table.columns == ("detector on", "MOTA", "IDF1", "HOTA", "ms/frame")
    assert table.rows == (
        ("lk-flow", "every frame", "80.0", "70.0", "60.0", "63.0"),
        ("hold", "every 5th frame", "50.0", "40.0", "30.0", "19.0"),
    )
    assert len(build("summary", quality).rows) == 4
    with pytest.raises(UsageError, match="'lk-flow@2'"):
        build("summary", quality, rows="lk-flow@2")


def test_real_time_is_of_one_cost_and_of_the_modes_that_have_a_k(timed):
    with pytest.raises(UsageError, match="say ms=; the results have 30, 60"):
        build("realtime", timed)
    table = build("realtime", timed, ms="60")
    assert table.heading == "MOTA / IDF1 / HOTA at 25 fps, mean of 2 sequences"
    assert table.rows == (
        ("lk-flow", "60.0 / 50.0 / 40.0", "50.0 / 40.0 / 30.0"),
        ("lk-flow, asynchronous", "70.0 / 60.0 / 50.0", "60.0 / 50.0 / 40.0"),
    )
    alone = build("realtime", timed, ms="60", mode="asynchronous", k="5")
    assert alone.rows == (("lk-flow", "60.0 / 50.0 / 40.0"),)
    with pytest.raises(UsageError, match="ms=50: the results have 30, 60"):
        build("realtime", timed, ms="50")


def test_the_share_of_frames_is_a_mean_or_that_of_all_frames(timed):
    keys = {"ms": "30", "mode": "blocking", "k": "1"}
    assert build("processed", timed, **keys).cell("lk-flow", "k = 1") == "33 %"
    assert build("processed", timed, **keys, over="all").cell("lk-flow", "k = 1") == "25 %"
    assert build("processed", timed, **keys, over="A").cell("lk-flow", "k = 1") == "50 %"


def test_costs_are_at_the_best_k_with_the_latency(timed):
    table = build("costs", timed)
    assert table.heading == "MOTA / IDF1 / HOTA (best k), latency: mean of 2 sequences at 25 fps"
    assert table.columns == ("30 ms", "60 ms")
    assert table.names == ["every frame", "blocking, best k", "asynchronous"]
    assert table.cell("asynchronous", "30 ms") == "70.0 / 60.0 / 50.0 (1), 9 ms"
    short = build("costs", timed, scores="idf1", latency="no", rows="blocking, best k")
    assert short.rows == (("blocking, best k", "50.0 (1)", "50.0 (1)"),)


def vot_score(accuracy, frames, auc):
    values = dict.fromkeys(VotScore.__annotations__, 1)
    shares = dict.fromkeys(("robustness", "mean_iou", "success", "milliseconds"), accuracy)
    counts = dict.fromkeys(("frames", "valid", "followed", "steps"), frames)
    return VotScore(**{**values, **shares, **counts, "accuracy": accuracy, "auc": auc})


def test_motion_is_a_mean_over_sequences_or_over_all_boxes():
    scores = {"A": vot_score(0.2, 300, 0.5), "B": vot_score(0.6, 100, np.nan)}
    rows = [
        VotResult(sequence=name, engine="hold", fps=fps, score=score)
        for name, score in scores.items()
        for fps in (None, 25.0)
    ]
    run = make_run(VotResult, "vot", rows)
    mean = build("motion", run, fps="none")
    assert mean.heading == "mean of 2 sequences"
    assert mean.columns == ("accuracy", "robustness", "mean IoU", "AUC")
    assert mean.rows == (("hold", "0.400", "0.400", "0.400", "0.500"),)
    assert build("motion", run, fps="25").heading == "mean of 2 sequences at 25 fps"
    assert build("motion", run, over="all", fps="25").rows[0][1] == "0.300"
    assert build("motion", run, over="B").rows[1] == ("hold at 25 fps", *("0.600",) * 3, "")
    assert build("motion", run, over="A", columns="failures,AUC").rows[0] == ("hold", "1", "0.500")


def test_an_ablation_has_the_differences_in_brackets():
    by_parts = {"MSCD": 0.6, "SCD": 0.5}
    rows = [
        AblationResult(sequence=name, parts=parts, score=vot_score(value + bonus, 100, 0.5))
        for parts, value in by_parts.items()
        for name, bonus in {"A": 0.1, "B": -0.1}.items()
    ]
    table = build("ablation", make_run(AblationResult, "ablation", rows))
    assert table.columns == ("accuracy", "robustness", "mean IoU")
    assert table.rows[0][:2] == ("all parts", "0.600")
    assert table.cell("without refinement", "accuracy") == "0.500 (-0.100)"
    assert table.cell("without refinement", "accuracy", 2) == "-0.100"


def test_a_ceiling_is_a_row_for_each_k(ceiling):
    table = build("ceiling", ceiling, scores="idf1")
    assert table.heading == "lk-flow: points of IDF1, all together"
    assert table.names == ["k = 1", "k = 5"]
    assert table.columns == ("reached", "identity", "motion", "detector", "delay")
    runs = build("ceiling", ceiling, table="runs", over="A", k="5")
    assert runs.names == ["k = 5"]
    assert runs.cell("k = 5", "as it is") == "40.0 / 30.0 / 20.0"


def test_intervals_are_compared_at_equal_calls():
    rows = [
        IntervalResult(
            sequence=name, engine="hold", scheduler=scheduler, interval=k, frames=100,
            calls=int(100 // k), scores=make_scores(mota=mota + bonus),
        )
        for name, bonus in {"A": 0.0, "B": 0.1}.items()
        for scheduler, mota in {FIXED_K: 0.5, ADAPTIVE: 0.6}.items()
        for k in (2.0, 5.0)
    ]  # fmt: skip
    run = make_run(IntervalResult, "intervals", rows)
    table = build("intervals", run, k="5", scores="mota")
    assert table.heading == "hold at equal calls: MOTA"
    assert table.rows == (("fixed k", "55.0"), ("adaptive", "65.0"))
    assert table.cell("adaptive", "k = 5") == "65.0"
    assert build("intervals", run, table="all").columns[0] == "interval"


STORED = sorted((ROOT / "benchmarks" / "results").glob("*.json"))


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_every_result_in_the_repository_makes_tables_of_its_kinds(path):
    run = read_results(path, {name: kind for name, (kind, _) in COMMANDS.items()})
    kinds = [name for name, kind in KINDS.items() if run.command in kind.commands]
    assert kinds
    costs = {str(row.detector_ms) for row in run.rows if hasattr(row, "detector_ms")}
    for name in kinds:
        is_timed = name in ("realtime", "processed")
        keys = {"ms": min(costs)} if is_timed and len(costs) > 1 else {}
        for table in build_tables(name, run, {"results": path.stem, **keys}):
            assert all(len(row) == 1 + len(table.columns) for row in table.rows)
            assert re.search(r"\d", "".join(table.rows[0][1:]))


def test_every_kind_has_results_in_the_repository():
    commands = {json.loads(path.read_text())["command"] for path in STORED}
    assert all(commands & set(kind.commands) for kind in KINDS.values())
