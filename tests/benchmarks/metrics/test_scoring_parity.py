"""Our scores are those that TrackEval computes from the same files, and that motmetrics prints."""

import shutil
from pathlib import Path

import motmetrics
import numpy as np
import pytest
import trackeval

from mvot_benchmarks.metrics.ground_truth import (
    IgnoredRegions,
    apply_motchallenge_rules,
    split_by_frame,
)
from mvot_benchmarks.metrics.scoring import Scorer, pool_scores
from mvot_plugin.motfile import read_mot
from mvot_plugin.types import Tracks

FILES = Path(motmetrics.__file__).parent / "data"
LENGTHS = {"TUD-Campus": 71, "TUD-Stadtmitte": 179}
COUNTS = {
    "objects": "CLR_TP+CLR_FN", "misses": "CLR_FN", "false_positives": "CLR_FP",
    "switches": "IDSW", "fragmentations": "Frag", "mostly_tracked": "MT", "mostly_lost": "ML",
}  # fmt: skip


def compute_scores(name):
    ground_truth = apply_motchallenge_rules(read_mot(FILES / name / "gt.txt"))
    found = read_mot(FILES / name / "test.txt")
    scorer = Scorer()
    for index, objects in enumerate(
        split_by_frame(ground_truth, IgnoredRegions.empty(), LENGTHS[name])
    ):
        here = found.frame == index
        tracks = Tracks(
            id=found.id[here],
            xyxy=found.xyxy[here],
            score=np.ones(here.sum(), np.float32),
            class_id=np.zeros(here.sum(), np.int64),
            detected=np.ones(here.sum(), np.bool_),
        )
        scorer.add(objects, tracks)
    return scorer.scores()


@pytest.fixture(scope="module")
def trackeval_metrics(tmp_path_factory):
    """The metrics that TrackEval computes from the files in MOTChallenge's layout, by sequence."""
    root = tmp_path_factory.mktemp("trackeval")
    for name, length in LENGTHS.items():
        (root / "gt" / name / "gt").mkdir(parents=True)
        (root / "tracks" / "they" / "data").mkdir(parents=True, exist_ok=True)
        shutil.copy(FILES / name / "gt.txt", root / "gt" / name / "gt" / "gt.txt")
        shutil.copy(FILES / name / "test.txt", root / "tracks" / "they" / "data" / f"{name}.txt")
        info = f"[Sequence]\nname={name}\nseqLength={length}\n"
        (root / "gt" / name / "seqinfo.ini").write_text(info)
    dataset = trackeval.datasets.MotChallenge2DBox(
        {
            "GT_FOLDER": str(root / "gt"),
            "TRACKERS_FOLDER": str(root / "tracks"),
            "SEQ_INFO": LENGTHS,
            "BENCHMARK": "MOT15",
            "SKIP_SPLIT_FOL": True,
            "PRINT_CONFIG": False,
        }
    )
    quiet = {"PRINT_RESULTS": False, "PRINT_CONFIG": False, "TIME_PROGRESS": False}
    files = {"OUTPUT_SUMMARY": False, "OUTPUT_DETAILED": False, "PLOT_CURVES": False}
    metrics = trackeval.metrics
    metric_objects = [
        metrics.HOTA(),
        metrics.CLEAR({"PRINT_CONFIG": False}),
        metrics.Identity({"PRINT_CONFIG": False}),
    ]
    evaluator = trackeval.Evaluator({"USE_PARALLEL": False, **quiet, **files})
    found, _ = evaluator.evaluate([dataset], metric_objects)
    return {name: one["pedestrian"] for name, one in found["MotChallenge2DBox"]["they"].items()}


@pytest.mark.parametrize("name", [*LENGTHS, "COMBINED_SEQ"])
def test_counts_equal_those_of_trackeval_and_shares_agree(trackeval_metrics, name):
    clear, hota, identity = (
        trackeval_metrics[name][kind] for kind in ("CLEAR", "HOTA", "Identity")
    )
    if name == "COMBINED_SEQ":
        scores = pool_scores([compute_scores(one) for one in LENGTHS])
    else:
        scores = compute_scores(name)
    counts = {key: sum(clear[part] for part in names.split("+")) for key, names in COUNTS.items()}
    assert {key: getattr(scores, key) for key in COUNTS} == counts
    assert scores.identified == identity["IDTP"]
    assert scores.mota == pytest.approx(clear["MOTA"], abs=1e-4)
    assert scores.idf1 == pytest.approx(identity["IDF1"], abs=1e-4)
    assert scores.hota == pytest.approx(hota["HOTA"].mean(), abs=1e-4)
    assert scores.located == tuple(hota["HOTA_TP"])
    assert 0.3 < scores.hota < 0.8


def test_scores_are_those_that_motmetrics_documents():
    """The table in the README of motmetrics."""
    campus, town = compute_scores("TUD-Campus"), compute_scores("TUD-Stadtmitte")
    both = pool_scores([campus, town])
    rounded = [(round(100 * one.idf1, 1), round(100 * one.mota, 1)) for one in (campus, town)]
    assert rounded == [(55.8, 52.6), (64.5, 56.4)]
    assert (campus.false_positives, campus.misses, campus.switches) == (13, 150, 7)
    assert (both.tracks, both.mostly_tracked, both.mostly_lost) == (18, 6, 2)
