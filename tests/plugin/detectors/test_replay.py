from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.paths import DATA
from mvot_plugin.detectors import ReplayDetector
from mvot_plugin.detectors.base import drop_unusable
from mvot_plugin.errors import InputError
from mvot_plugin.types import Frame


def frame(index: int) -> Frame:
    return Frame(image=np.zeros((48, 64, 3), np.uint8), index=index, timestamp=index / 25)


def write_detections(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "det.txt"
    path.write_text("\n".join(rows) + "\n")
    return path


def write_scores(tmp_path: Path, *scores: float) -> Path:
    return write_detections(
        tmp_path, *(f"1,-1,{k},1,4,4,{score!r}" for k, score in enumerate(scores))
    )


def test_frame_1_of_the_file_answers_the_first_frame(tmp_path):
    replay = ReplayDetector(write_detections(tmp_path, "1,-1,1,1,10,20,0.5", "3,-1,5,6,7,8,1"))
    assert replay(frame(0)).xyxy.tolist() == [[0, 0, 10, 20]]
    assert replay(frame(0)).class_id.tolist() == [0]
    assert len(replay(frame(1))) == 0
    assert replay(frame(2)).xyxy.tolist() == [[4, 5, 11, 13]]
    assert len(replay(frame(3))) == 0
    assert replay.frames == 3


def test_rows_out_of_order_are_grouped_by_frame_in_the_files_order(tmp_path):
    rows = ["2,-1,9,1,4,4,0.1", "1,-1,1,1,4,4,0.2", "2,-1,3,1,4,4,0.3", "1,-1,7,1,4,4,0.4"]
    replay = ReplayDetector(write_detections(tmp_path, *rows))
    assert replay(frame(0)).xyxy[:, 0].tolist() == [0, 6]
    assert replay(frame(1)).confidence.tolist() == pytest.approx([0.1, 0.3])


def test_repeated_rows_are_read_once_and_counted(tmp_path):
    replay = ReplayDetector(
        write_detections(tmp_path, *["1,-1,1,1,4,4,0.5"] * 2, "1,-1,2,1,4,4,0.5")
    )
    assert (len(replay(frame(0))), replay.duplicates) == (2, 1)


def test_the_class_can_be_set(tmp_path):
    replay = ReplayDetector(write_detections(tmp_path, "1,-1,1,1,4,4,0.5"), class_id=2)
    assert replay(frame(0)).class_id.tolist() == [2]


def test_scores_within_0_and_1_are_confidences_as_they_are(tmp_path):
    found = ReplayDetector(write_scores(tmp_path, 0.25, 0.5, 0.75))(frame(0))
    assert found.confidence.tolist() == [0.25, 0.5, 0.75]


def test_other_scores_are_mapped_from_lowest_0_to_highest_1(tmp_path):
    found = ReplayDetector(write_scores(tmp_path, 50, -10, 20))(frame(0))
    assert found.confidence.tolist() == pytest.approx([1, 0, 0.5])


@pytest.mark.parametrize("score", [-1, 3, 1e30])
def test_one_score_throughout_is_full_confidence(tmp_path, score):
    assert ReplayDetector(write_scores(tmp_path, score, score))(frame(0)).confidence.tolist() == [
        1,
        1,
    ]


def test_conf_is_in_the_files_scale_and_keeps_a_row_at_it(tmp_path):
    path = write_scores(tmp_path, 50.514, 20, 34.9, 0)
    found = ReplayDetector(path, conf=50.514)(frame(0))
    assert found.confidence.tolist() == [1]
    lower = ReplayDetector(path, conf=20.0)(frame(0))
    assert lower.xyxy[:, 0].tolist() == [-1, 0, 1]
    assert lower.confidence[1] == pytest.approx(20 / 50.514)
    assert ReplayDetector(path, conf=99.0).frames == 0


def test_scores_that_are_not_finite_do_not_disturb_the_others(tmp_path):
    found = ReplayDetector(write_scores(tmp_path, 10, np.nan, 30, np.inf))(frame(0))
    assert found.confidence[[0, 2]].tolist() == [0, 1]
    assert drop_unusable(found, (64, 48))[1] == 2
    assert len(ReplayDetector(write_scores(tmp_path, np.nan))(frame(0))) == 1


@given(scores=st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=20))
def test_confidences_are_within_0_and_1_and_keep_the_order(tmp_path_factory, scores):
    path = write_scores(tmp_path_factory.mktemp("det"), *scores)
    confidence = ReplayDetector(path)(frame(0)).confidence
    assert len(confidence) == len(scores)
    assert ((confidence >= 0) & (confidence <= 1)).all()
    assert (np.diff(confidence[np.argsort(scores)]) >= 0).all()


def test_an_empty_file_detects_nothing(tmp_path):
    replay = ReplayDetector(write_detections(tmp_path))
    assert len(replay(frame(0))) == 0
    assert (replay.frames, replay.duplicates) == (0, 0)


def test_returned_detections_are_copies(tmp_path):
    replay = ReplayDetector(write_detections(tmp_path, "1,-1,1,1,4,4,0.5"))
    replay(frame(0)).xyxy[:] = 99
    assert replay(frame(0)).xyxy.tolist() == [[0, 0, 4, 4]]


def test_boxes_that_are_no_boxes_stay_for_the_pipeline_to_count(tmp_path):
    found = ReplayDetector(write_detections(tmp_path, "1,-1,nan,1,4,4,1", "1,-1,1,1,0,4,1"))(
        frame(0)
    )
    assert len(found) == 2
    assert drop_unusable(found, (64, 48))[1] == 2


def test_a_bad_file_is_the_readers_error(tmp_path):
    with pytest.raises(InputError, match=r"det\.txt, line 2: score 'x' is not a number"):
        ReplayDetector(write_detections(tmp_path, "1,-1,1,1,4,4,1", "1,-1,1,1,4,4,x"))


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")
def test_public_detections_of_a_sequence_are_replayed():
    replay = ReplayDetector(DATA / "val/TUD-Campus/det/det.txt")
    answers = [replay(frame(index)) for index in range(71)]
    assert sum(map(len, answers)) == 322
    assert max(found.confidence.max() for found in answers if len(found)) == 1
    assert answers[0].xyxy[0].tolist() == pytest.approx([197, 202, 259.22, 343.19], abs=1e-3)
