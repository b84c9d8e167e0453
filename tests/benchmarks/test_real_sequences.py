import pytest

from helpers.paths import VAL
from mvot_benchmarks.mot import evaluate
from mvot_plugin.engines import load_engine

PETS = VAL / "PETS09-S2L1"

pytestmark = pytest.mark.skipif(not PETS.is_dir(), reason="real sequences are not here")


@pytest.mark.parametrize(
    ("engine", "k", "mota", "idf1"),
    [("kalman", 1, 0.77, 0.80), ("lk-flow", 5, 0.70, 0.60), ("lk-flow", 10, 0.62, 0.50)],
)
def test_quality_on_pets_is_as_good_as_that_of_the_best_trackers(engine, k, mota, idf1):
    (result,) = evaluate([PETS], {engine: load_engine(engine)}, [k])
    assert result.scores.objects == 4650
    assert result.scores.mota >= mota
    assert result.scores.idf1 >= idf1


def test_a_motion_engine_beats_held_boxes_where_the_detector_is_skipped():
    engines = {name: load_engine(name) for name in ("hold", "lk-flow")}
    results = {
        (result.engine, result.k): result.scores.mota
        for result in evaluate([VAL / "TUD-Campus"], engines, [5, 10])
    }
    assert results["lk-flow", 5] > results["hold", 5]
    assert results["lk-flow", 10] > results["hold", 10]
