import json
import os

import pytest
import torch
from safetensors.torch import save_file
from torch.testing import assert_close

from helpers.small_siammotion import propose, random_network, run_on_one_thread
from mvot_plugin.errors import InputError
from mvot_plugin.models.siammotion import SiamMotionNet
from mvot_plugin.models.siammotion_config import SiamMotionConfig
from mvot_plugin.weights import (
    UntrainedWeights,
    load_parameters,
    read_weights,
    replace_weights,
    save_weights,
    shipped_weights,
    warn_untrained,
)

RECORD = {"licence": "CC0", "command": "mvot-train", "mota": 0.5}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with run_on_one_thread():
        yield


@pytest.fixture
def path(tmp_path):
    return tmp_path / "small.safetensors"


@pytest.fixture
def network():
    return random_network()


@pytest.fixture
def saved_path(path, network):
    save_weights(path, network, "siammotion", network.config, RECORD)
    return path


def read_error(path, kind="siammotion"):
    """The one line that a file is refused with; it begins with the file."""
    with pytest.raises(InputError) as raised:
        read_weights(path, kind)
    return strip_path(raised, path)


def strip_path(raised, path):
    message = str(raised.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def load_error(network, tensors, path):
    with pytest.raises(InputError) as raised:
        load_parameters(network, tensors, path)
    return strip_path(raised, path)


def test_what_is_saved_comes_back_in_half_precision(saved_path, network):
    config, tensors = read_weights(saved_path, "siammotion")
    assert SiamMotionConfig.from_dict(config) == network.config
    state = network.state_dict()
    assert tensors.keys() == state.keys()
    for name, tensor in tensors.items():
        exact = state[name]
        assert tensor.dtype == exact.dtype
        rounded = exact.half().float() if exact.is_floating_point() else exact
        assert torch.equal(tensor, rounded), name


def test_a_loaded_network_proposes_the_same(saved_path, network):
    config, tensors = read_weights(saved_path, "siammotion")
    other = SiamMotionNet(SiamMotionConfig.from_dict(config)).eval()
    load_parameters(other, tensors, saved_path)
    with torch.no_grad():
        assert_close(propose(other).logits, propose(network).logits, atol=2e-2, rtol=0)


def test_saving_changes_nothing_in_the_network(path, network):
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    save_weights(path, network, "siammotion", network.config, RECORD)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])
        assert tensor.dtype == before[name].dtype


def test_half_precision_halves_the_file(saved_path, network):
    numbers = sum(tensor.numel() for tensor in network.state_dict().values())
    assert saved_path.stat().st_size < 2.2 * numbers + 20_000


def test_the_record_is_in_the_file(saved_path):
    head = saved_path.read_bytes()[8:]
    metadata = json.JSONDecoder().raw_decode(head.decode("latin-1"))[0]["__metadata__"]
    assert json.loads(metadata["record"]) == RECORD
    assert metadata["kind"] == "siammotion"


def test_a_config_may_be_plain_values(path, network):
    save_weights(path, network, "other", {"width": 16}, {})
    assert read_weights(path, "other")[0] == {"width": 16}


def test_settings_of_former_versions_have_their_present_names(path, network):
    former = {"certainty": [2.0, -1.0], "frame_certainty": None, "width": 16}
    present = {"calibration": [2.0, -1.0], "frame_calibration": None, "width": 16}
    save_weights(path, network, "other", former, {})
    assert read_weights(path, "other")[0] == present
    replace_weights(path, path, {}, {}, {"calibration": [0.5, 1.0]})
    assert read_weights(path, "other")[0] == {**present, "calibration": [0.5, 1.0]}


def test_a_missing_file_is_an_input_error(tmp_path):
    assert read_error(tmp_path / "none.safetensors") == "there is no such weights file"
    assert read_error(tmp_path) == "is a folder or a device; give a weights file"


@pytest.mark.parametrize("kept", [0, 5, 100, 10_000, -1])
def test_a_truncated_file_is_an_input_error(kept, saved_path):
    saved_path.write_bytes(saved_path.read_bytes()[:kept])
    assert read_error(saved_path).startswith("not a readable safetensors file: ")


@pytest.mark.parametrize("content", [os.urandom(4096), bytes(4096), b"PK\x03\x04" * 99, b"\n"])
def test_a_file_of_anything_else_is_an_input_error(content, path):
    path.write_bytes(content)
    assert read_error(path).startswith("not a readable safetensors file: ")


def test_weights_of_another_kind_are_an_input_error(saved_path, path, tmp_path):
    assert read_error(saved_path, "siammt").startswith(
        "holds weights of 'siammotion', but 'siammt' needs"
    )
    bare = tmp_path / "bare.safetensors"
    save_file({"x": torch.zeros(1)}, str(bare))
    assert read_error(bare).startswith("holds weights of an unknown network")


@pytest.mark.parametrize("config", ["{width: 16", "[1, 2]", "3", "[" * 100_000])
def test_a_damaged_config_is_an_input_error(config, path):
    save_file({"x": torch.zeros(1)}, str(path), metadata={"kind": "siammotion", "config": config})
    assert read_error(path)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_tensor_with_a_number_that_is_none_is_named(number, path, network):
    with torch.no_grad():
        network.head.regress.weight[1, 2] = number
    save_weights(path, network, "siammotion", network.config, RECORD)
    message = "its tensor 'head.regress.weight' holds a number that is NaN or infinite"
    assert read_error(path) == message


@pytest.mark.parametrize("kind", [torch.int8, torch.bool, torch.complex64])
def test_weights_that_are_no_real_numbers_are_named(kind, saved_path, network):
    tensors = read_weights(saved_path, "siammotion")[1]
    tensors["head.regress.weight"] = tensors["head.regress.weight"].to(kind)
    message = load_error(network, tensors, saved_path)
    assert "it has another kind of number in head.regress.weight (1 such)" in message


def test_a_missing_tensor_is_named(saved_path, network):
    tensors = read_weights(saved_path, "siammotion")[1]
    del tensors["head.classify.weight"], tensors["neck.smooth.0.bias"]
    message = load_error(network, tensors, saved_path)
    assert "it lacks head.classify.weight (2 such)" in message


def test_an_unknown_tensor_is_named(saved_path, network):
    tensors = read_weights(saved_path, "siammotion")[1] | {"neck.extra": torch.zeros(1)}
    assert "has, unknown to the network, neck.extra (1 such)" in load_error(
        network, tensors, saved_path
    )


def test_a_tensor_of_another_shape_is_named(saved_path):
    network = random_network(ratios=(0.5, 1.0))
    before = network.head.regress.weight.clone()
    message = load_error(network, read_weights(saved_path, "siammotion")[1], saved_path)
    assert "another shape of head.classify.bias (4 such)" in message
    assert torch.equal(network.head.regress.weight, before)


def test_untrained_weights_are_warned_of():
    with pytest.warns(UntrainedWeights, match="'siammotion' runs on random, untrained weights"):
        warn_untrained("siammotion")
    assert issubclass(UntrainedWeights, UserWarning)


def test_no_weights_are_shipped_under_another_name():
    assert shipped_weights("no-such-engine") is None
