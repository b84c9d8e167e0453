"""The precision that training computes in."""

import pytest
import torch

from mvot_training import optimization

CPU = torch.device("cpu")


@pytest.mark.parametrize("native", [torch.bfloat16, torch.float32])
def test_bfloat16_is_for_cpus_that_compute_it(native, monkeypatch):
    monkeypatch.setattr(optimization, "choose_dtype", lambda precision, device: native)
    layer, inputs = torch.nn.Linear(2, 2), torch.ones(1, 2)
    with optimization.mixed_precision(CPU):
        assert layer(inputs).dtype == optimization.native_dtype(CPU) == native
    assert optimization.native_dtype(torch.device("cuda")) == torch.bfloat16
