"""Tables of cost."""

import pytest

from helpers.benchmarks.stored_runs import make_run
from mvot_benchmarks.documents.kinds import build_tables
from mvot_benchmarks.overhead import Overhead
from mvot_benchmarks.scaling.measurement import ScalingRow
from mvot_benchmarks.soak.measurement import SoakResult
from mvot_benchmarks.soak.meter import Tenth
from mvot_benchmarks.streams.joining import JoiningResult
from mvot_benchmarks.streams.results import StreamCost, StreamsRow
from mvot_plugin.errors import UsageError

STAGES = {"lk-flow": {}, "siammt": {"crop": 1.0, "head": 2.0}, "opencv-nano": {}}


@pytest.fixture
def scaling():
    rows = [
        ScalingRow(
            engine=engine, size=size, targets=targets, stages=stages, enroll=1.0, observe=0.5,
            frame=targets * (10.0 if engine == "opencv-nano" else 5.0), track=3.0,
        )
        for size in ((640, 480), (1280, 720))
        for engine, stages in STAGES.items()
        for targets in (1, 10, 100)
    ]  # fmt: skip
    return make_run(ScalingRow, "scaling", rows)


def build(kind, run, **keys):
    return list(build_tables(kind, run, {"results": "a", **keys}))


def test_speed_has_a_column_for_each_number_of_targets(scaling):
    (table,) = build("fps", scaling)
    assert table.heading == "fps at 1280x720"
    assert table.columns == ("N = 1", "N = 10", "N = 100")
    assert table.rows[0] == ("lk-flow", "200", "20.0", "2.0")
    (table,) = build("fps", scaling, size="640x480", targets="10", rows="siammt")
    assert (table.heading, table.rows) == ("fps at 640x480", (("siammt", "20.0"),))
    (table,) = build("fps", scaling, columns="N = 10,ms per target")
    assert table.columns == ("N = 10", "ms per target")


def test_a_share_is_of_the_time_of_the_same_number_of_trackers(scaling):
    (table,) = build("share", scaling, targets="1,100")
    assert table.rows == (("lk-flow", "0.500", "0.500"), ("siammt", "0.500", "0.500"))
    scaling.rows = [row for row in scaling.rows if row.engine != "opencv-nano"]
    with pytest.raises(UsageError, match="the results have none of this"):
        build("share", scaling)
    with pytest.raises(UsageError, match="unknown size '1x1'"):
        build("fps", scaling, size="1x1")
    with pytest.raises(UsageError, match="unknown targets '7'"):
        build("fps", scaling, targets="7")


def test_stages_are_rows_of_a_table_for_each_engine(scaling):
    (table,) = build("stages", scaling, rows="siammt", targets="10,100")
    assert table.heading == "siammt: ms/frame at 1280x720"
    assert table.columns == ("N = 10", "N = 100")
    assert table.names == ["observe", "enroll", "track", "crop", "head"]
    assert table.cell("head", "N = 10") == "2.00"
    assert len(build("stages", scaling)) == 3


def test_overhead_is_narrowed_by_its_columns():
    rows = [
        Overhead(targets=n, k=k, embedder=name, median=n / k, p95=float(n))
        for n in (10, 100)
        for k in (1, 5)
        for name in ("none", "colour")
    ]
    run = make_run(Overhead, "overhead", rows)
    assert len(build("overhead", run)[0].rows) == 8
    (table,) = build("overhead", run, targets="100", k="5", embedder="colour")
    assert table.cell("100", "median, ms/frame") == "20.00"
    with pytest.raises(UsageError, match="4 rows are called '10'; narrow them down"):
        build("overhead", run)[0].cell("10", "k")


def test_streams_have_a_table_for_each_part():
    rows = [
        StreamsRow(
            part="cost",
            cost=StreamCost(
                engine="lk-flow", detector="replay", targets=5, k=k, fps=25.0, frames=100,
                tracks=4.0, total=20.0 / k, stages={"motion": 5.0 / k},
            ),
        )
        for k in (1, 10)
    ]  # fmt: skip
    run = make_run(StreamsRow, "streams", rows)
    (cost,) = build("streams", run, k="10")
    assert (cost.heading, cost.columns) == ("streams per core at 25 fps", ("k = 10",))
    (stages,) = build("streams", run, part="stages", k="10", columns="motion,total")
    assert stages.rows == (("lk-flow, replay, N = 5", "0.50 (25%)", "2.00"),)
    with pytest.raises(UsageError, match="none of this; their tables: streams per core"):
        build("streams", run, part="memory")
    with pytest.raises(UsageError, match="unknown part 'all'"):
        build("streams", run, part="all")


def test_joined_pieces_are_rows_of_their_sequences():
    common = {"sequence": "A", "seconds": 600.0, "k": 5, "overlap": None, "frames": 10}
    common |= {"mota": 0.5, "hota": 0.5, "switches": 3}
    rows = [
        JoiningResult(**common, piece=None, workers=1, idf1=0.75),
        JoiningResult(**common, piece=60.0, workers=2, idf1=0.70),
    ]
    (table,) = build("joining", make_run(JoiningResult, "joining", rows))
    assert table.heading == "600 s of a sequence"
    assert table.columns == ("MOTA", "IDF1", "HOTA", "switches", "IDF1 lost")
    assert table.names == ["A, unbroken", "A, pieces of 60 s, 2 workers"]
    assert table.cell("A, pieces of 60 s, 2 workers", "IDF1 lost") == "+5.00"


def test_long_runs_are_shown_by_what_must_not_grow():
    tenths = (Tenth(memory=50.0, cpu=1.0, wall=2.0, threads=4, files=9),) * 10
    row = SoakResult(
        engine="hold", runtime="auto", frames=1000, identities=7, failures=3, tenths=tenths
    )
    (table,) = build("soak", make_run(SoakResult, "soak", [row]))
    assert table.columns == ("frames", "memory, MB", "CPU, ms/frame", "threads", "open files")
    assert table.cell("hold", "memory, MB", 1) == "50.00"
