import sys

import numpy as np
import pytest

from mvot_pipelines.pipeline import MotPipeline
from mvot_plugin.engines import MotionEngine, engine_names, load_engine
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.registry import build_registered, registered_names
from mvot_plugin.types import Detections

WITHOUT_A_NETWORK = ("hold", "kalman", "lk-flow")
NETWORKS = ("imsiam", "siamattn", "siamfc", "siamfc-mi", "siammot-emm", "siammot-imm")
NETWORKS += ("siammotion", "siammotion-n", "siammt", "siammt-w")
OURS = tuple(sorted((*WITHOUT_A_NETWORK, "nanotrack", *NETWORKS)))
WORKING = """
from mvot_plugin.engines.hold import HoldEngine

asked = []

def make(*, weights, device, precision):
    asked.append((weights, device, precision))
    return HoldEngine(half_life=9.0)
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Put an installed package on the import path: a module, and the entry points it declares."""

    def install(body: str, entries: str, name: str = "gliders") -> None:
        (tmp_path / f"{name}.py").write_text(body)
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(entries)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, name, raising=False)

    return install


def test_an_installed_package_adds_an_engine(package):
    package(WORKING, "[mvot_plugin.engines]\nglide = gliders:make\n")
    assert engine_names() == ("glide", *OURS)
    engine = load_engine("glide", weights="glide.pt", device="cuda:1", precision="bf16")
    assert isinstance(engine, MotionEngine)
    assert engine.half_life == 9.0
    assert sys.modules["gliders"].asked == [("glide.pt", "cuda:1", "bf16")]


def test_the_engine_of_a_package_runs_in_a_pipeline_by_name(package):
    package(WORKING, "[mvot_plugin.engines]\nglide = gliders:make\n")
    tracker = MotPipeline(lambda frame: Detections.of([[2, 2, 9, 9]]), engine="glide")
    assert len(tracker.step(np.zeros((16, 16, 3), np.uint8))) == 1


def test_the_engine_of_a_package_is_among_the_nearest_names(package):
    package(WORKING, "[mvot_plugin.engines]\nglide = gliders:make\n")
    with pytest.raises(UsageError, match=r"did you mean 'glide'\?"):
        load_engine("glider")


def test_listing_engines_does_not_import_their_packages(package):
    package("raise RuntimeError('imported')", "[mvot_plugin.engines]\nglide = gliders:make\n")
    assert "glide" in engine_names()
    assert "gliders" not in sys.modules


def test_a_package_cannot_replace_one_of_our_engines(package):
    package(WORKING, "[mvot_plugin.engines]\nhold = gliders:make\n")
    assert engine_names() == OURS
    assert load_engine("hold").half_life == 0.5


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ("import no_such_library", "No module named 'no_such_library'"),
        ("raise RuntimeError('out of order')", "out of order"),
        ("", "make"),
        ("def make(:", "invalid syntax"),
    ],
    ids=["missing library", "raises", "no such name", "syntax"],
)
def test_a_broken_package_is_named_in_one_sentence(package, body, cause):
    package(body, "[mvot_plugin.engines]\nglide = gliders:make\n")
    with pytest.raises(InputError) as caught:
        load_engine("glide")
    message = str(caught.value)
    assert "engine 'glide' of the package 'gliders' does not work" in message
    assert cause in message
    assert "\n" not in message
    assert caught.value.__cause__ is not None


def test_a_factory_that_fails_names_its_package(package):
    body = "def make(*, weights, device, precision):\n    raise OSError('no licence')\n"
    package(body, "[mvot_plugin.engines]\nglide = gliders:make\n")
    with pytest.raises(InputError, match=r"gliders.*no licence"):
        load_engine("glide")


def test_a_broken_package_does_not_disturb_our_engines(package):
    package("raise RuntimeError", "[mvot_plugin.engines]\nglide = gliders:make\n")
    for name in WITHOUT_A_NETWORK:
        assert isinstance(load_engine(name), MotionEngine)


def test_entry_points_are_found_by_group(package):
    package(
        "def one(*, factor): return factor\ndef two(): return 2",
        "[some.group]\nfirst = gliders:one\n[other]\nsecond = gliders:two\n",
    )
    assert registered_names("some.group") == {"first"}
    assert build_registered("some.group", "first", factor=7) == 7
    assert build_registered("other", "second") == 2
    assert registered_names("mvot_plugin.no_such_group") == set()
