"""Beside other busy processes, an engine loses its share of the processor, and no more.

With as many busy processes as there are cores, a third to a half is left. An engine whose threads
spin while they wait for each other is left with a fiftieth.
"""

from statistics import median

import pytest

from helpers.neighbours import EngineProcess, busy_neighbours
from helpers.paths import DATA
from mvot_plugin.engines.table import ENGINES

LEAST_SHARE = 0.25
SECONDS, PAIRS, TRIES = 0.3, 3, 3
NANOTRACK = DATA / "peers" / "nanotrackv2"
LIGHT = [name for name, entry in ENGINES.items() if not entry.needs_torch]


def measure_share(engine, single):
    """The rate beside busy processes, as a share of the rate without: a median of pairs.

    There are no more of these once most are enough, as the median is then.

    The rate without is no less than that of one thread, which waits for no other: where something
    else is running, too, threads that spin are slow without these processes as well.
    """
    shares = []
    while len(shares) < PAIRS and sum(share >= LEAST_SHARE for share in shares) <= PAIRS // 2:
        alone = max(engine.measure(SECONDS), single.measure(SECONDS))
        with busy_neighbours():
            shares.append(engine.measure(SECONDS) / alone)
    return median(shares)


@pytest.mark.parametrize(
    ("name", "runtime"), [*((name, "auto") for name in LIGHT), ("siammotion-n", "torch")]
)
def test_an_engine_keeps_its_share_beside_busy_processes(name, runtime):
    options = {"runtime": runtime, "device": "cpu"}
    if name == "nanotrack":
        if not NANOTRACK.is_dir():
            pytest.skip("needs NanoTrack's published files")
        options["weights"] = str(NANOTRACK)
    with EngineProcess(name, **options) as engine, EngineProcess(name, threads=1, **options) as one:
        shares = []
        while len(shares) < TRIES and max(shares, default=0) < LEAST_SHARE:
            shares.append(measure_share(engine, one))
    assert max(shares) >= LEAST_SHARE, shares
