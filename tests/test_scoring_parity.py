"""Our figures are those of TrackEval's own reading and counting, and the ones motmetrics prints."""

import shutil
from pathlib import Path

import motmetrics
import numpy as np
import pytest
import trackeval

from mvot_benchmarks.scoring import Scorer, overall
from mvot_benchmarks.truth import Regions, mot_truth, truth_by_frame
from mvot_plugin.motfile import read_mot
from mvot_plugin.types import Tracks

FILES = Path(motmetrics.__file__).parent / "data"
LENGTHS = {"TUD-Campus": 71, "TUD-Stadtmitte": 179}
COUNTS = {
    "objects": "CLR_TP+CLR_FN", "misses": "CLR_FN", "false_positives": "CLR_FP",
    "switches": "IDSW", "fragmentations": "Frag", "mostly_tracked": "MT", "mostly_lost": "ML",
}  # fmt: skip


def ours(name):
    truth = mot_truth(read_mot(FILES / name / "gt.txt"))
    found = read_mot(FILES / name / "test.txt")
    scorer = Scorer()
    for index, objects in enumerate(truth_by_frame(truth, Regions.none(), LENGTHS[name])):
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
def theirs(tmp_path_factory):
    """What TrackEval finds in the files, in MOTChallenge's folders: metrics by sequence."""
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
    measures = [
        metrics.HOTA(),
        metrics.CLEAR({"PRINT_CONFIG": False}),
        metrics.Identity({"PRINT_CONFIG": False}),
    ]
    evaluator = trackeval.Evaluator({"USE_PARALLEL": False, **quiet, **files})
    found, _ = evaluator.evaluate([dataset], measures)
    return {name: one["pedestrian"] for name, one in found["MotChallenge2DBox"]["they"].items()}


@pytest.mark.parametrize("name", [*LENGTHS, "COMBINED_SEQ"])
def test_counts_are_trackevals_and_shares_agree(theirs, name):
    clear, hota, identity = (theirs[name][kind] for kind in ("CLEAR", "HOTA", "Identity"))
    mine = overall([ours(one) for one in LENGTHS]) if name == "COMBINED_SEQ" else ours(name)
    counted = {key: sum(clear[part] for part in named.split("+")) for key, named in COUNTS.items()}
    assert {key: getattr(mine, key) for key in COUNTS} == counted
    assert mine.identified == identity["IDTP"]
    assert mine.mota == pytest.approx(clear["MOTA"], abs=1e-4)
    assert mine.idf1 == pytest.approx(identity["IDF1"], abs=1e-4)
    assert mine.hota == pytest.approx(hota["HOTA"].mean(), abs=1e-4)
    assert mine.located == tuple(hota["HOTA_TP"])
    assert 0.3 < mine.hota < 0.8


def test_figures_are_those_that_motmetrics_documents():
    """The table in the README of motmetrics."""
    campus, town = ours("TUD-Campus"), ours("TUD-Stadtmitte")
    both = overall([campus, town])
    rounded = [(round(100 * one.idf1, 1), round(100 * one.mota, 1)) for one in (campus, town)]
    assert rounded == [(55.8, 52.6), (64.5, 56.4)]
    assert (campus.false_positives, campus.misses, campus.switches) == (13, 150, 7)
    assert (both.tracks, both.mostly_tracked, both.mostly_lost) == (18, 6, 2)
