"""Loading engines by name, and what is refused."""

import pytest

from helpers.engine_runs import (
    WITHOUT_A_NETWORK,
)
from mvot_plugin.engines import load_engine
from mvot_plugin.engines.hold import HoldEngine
from mvot_plugin.errors import UsageError


def test_an_unknown_engine_names_the_nearest():
    with pytest.raises(UsageError, match=r"unknown engine 'lk_flow': did you mean 'lk-flow'\?"):
        load_engine("lk_flow")
    with pytest.raises(UsageError, match=r"choose from .*hold.*kalman"):
        load_engine("zzz")


def test_an_unknown_precision_names_the_nearest():
    with pytest.raises(UsageError, match=r"unknown precision 'fp61': did you mean 'fp16'\?"):
        load_engine("hold", precision="fp61")


@pytest.mark.parametrize("name", WITHOUT_A_NETWORK)
def test_weights_for_an_engine_without_a_network_are_refused(name):
    with pytest.raises(UsageError, match=f"engine '{name}' has no weights"):
        load_engine(name, weights="siammotion.pt")


@pytest.mark.parametrize("precision", ["auto", "fp32", "bf16", "fp16"])
def test_engines_without_a_network_take_any_precision(precision):
    assert isinstance(load_engine("hold", precision=precision), HoldEngine)
