"""The implicit motion model against its reference."""

import math
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from helpers.references import siammot as slow
from helpers.references.networks import SHAPES, SIAMMOT, random_case, random_network
from mvot_plugin.models.siammot.imm import ImmAnswers


@pytest.fixture(scope="module", params=SHAPES)
def case(request):
    return random_case("siammot-imm", request.param, count=3)


def test_the_template_is_the_search_area_on_the_first_frame(case):
    assert len(case.templates) == 1
    assert torch.equal(case.templates[0], case.before)


def test_visibility_and_motion_are_those_of_the_reference(case):
    found = case.network.answer(case.templates, case.now)
    assert found.motion.std() > 0.05
    for n in range(3):
        areas = (area[n].double().numpy() for area in (case.before, case.now))
        v, m = slow.implicit_motion(case.w, *areas)
        assert float(found.visibility[n]) == pytest.approx(v, abs=1e-4)
        assert found.motion[n].tolist() == pytest.approx(m.tolist(), abs=1e-4)


def test_the_order_of_the_two_frames_matters(case):
    there = case.network.answer(case.templates, case.now).motion
    back = case.network.answer((case.now,), case.before).motion
    assert (there - back).abs().max() > 0.05


def test_a_box_is_the_inverse_of_its_motion(case):
    """Eq. 2 of a box and the last one gives the motion that it came from."""
    generator = torch.Generator().manual_seed(2)
    motion, odds = torch.randn(9, 4, generator=generator), torch.randn(9, generator=generator)
    last = 20 + 60 * torch.rand(9, 2, generator=generator)
    answers = ImmAnswers(visibility=odds, motion=motion)
    boxes, log_odds = case.network.select(answers, last)
    assert torch.equal(log_odds, odds)
    for n in range(9):
        before = [0.0, 0.0, *last[n].tolist()]
        found = slow.motion(before, boxes[n].tolist())
        assert found == pytest.approx(motion[n].tolist(), abs=1e-5)


def test_a_known_motion_moves_and_enlarges_a_box(case):
    """By half its width to the right and a quarter of its height up, and to twice its width."""
    motion = torch.tensor([[0.5, -0.25, math.log(2), 0.0]])
    answers = ImmAnswers(visibility=torch.zeros(1), motion=motion)
    boxes, _ = case.network.select(answers, torch.tensor([[40.0, 80.0]]))
    assert_close(boxes, torch.tensor([[20.0, -20.0, 80.0, 80.0]]), atol=1e-4, rtol=0)


def test_sizes_move_by_a_share_of_their_change():
    network = random_network("siammot-imm", replace(SIAMMOT["siammot-imm"], smoothing=0.25))
    motion = torch.tensor([[0.5, -0.25, math.log(2), 0.0]])
    answers = ImmAnswers(visibility=torch.zeros(1), motion=motion)
    boxes, _ = network.select(answers, torch.tensor([[40.0, 80.0]]))
    assert_close(boxes, torch.tensor([[20.0, -20.0, 50.0, 80.0]]), atol=1e-4, rtol=0)
