import pytest
import torch

from mvot_plugin.errors import UsageError
from mvot_plugin.runtimes.devices import choose_device, choose_dtype

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def set_hardware(monkeypatch):
    """Make this machine have a GPU, or a CPU of these capabilities."""

    def set_hardware_to(gpu=False, **capabilities):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)

    return set_hardware_to


def test_auto_is_the_gpu_where_there_is_one(set_hardware):
    set_hardware(gpu=True)
    assert choose_device("auto") == CUDA
    set_hardware(gpu=False)
    assert choose_device("auto") == CPU


@pytest.mark.parametrize("name", ["cpu", "cpu:0"])
def test_a_named_device_is_itself(name, set_hardware):
    set_hardware(gpu=True)
    assert choose_device(name) == torch.device(name)


@pytest.mark.parametrize("name", ["nonsense", "", "cuda:x", "cpu cpu"])
def test_a_device_that_torch_does_not_know_is_a_usage_error(name):
    with pytest.raises(UsageError, match=f"^device '{name}' cannot be used: .*try cpu or auto$"):
        choose_device(name)


@pytest.mark.parametrize("error", [RuntimeError, AssertionError, NotImplementedError])
def test_a_gpu_that_is_not_there_is_a_usage_error(error, monkeypatch):
    def raise_error(*_, device):
        raise error(f"no {device} here\nand a second line")

    monkeypatch.setattr(torch, "ones", raise_error)
    expected = "^device 'cuda:63' cannot be used: no cuda:63 here; try cpu or auto$"
    with pytest.raises(UsageError, match=expected):
        choose_device("cuda:63")


def test_this_machine_has_no_64_gpus():
    with pytest.raises(UsageError, match=r"^device 'cuda:63' cannot be used: "):
        choose_device("cuda:63")


@pytest.mark.parametrize("name", ["hpu", "privateuseone"])
def test_a_device_without_its_module_is_a_usage_error(name):
    with pytest.raises(UsageError, match=f"device '{name}' cannot be used"):
        choose_device(name)


def test_a_device_that_computes_nothing_is_a_usage_error():
    with pytest.raises(UsageError, match=r"^device 'meta' cannot be used: .*meta tensors"):
        choose_device("meta")


@pytest.mark.parametrize("name", ["vulkan", "xla"])
def test_a_device_of_another_build_of_torch_is_one_sentence(name):
    with pytest.raises(UsageError) as raised:
        choose_device(name)
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize("device", [CPU, CUDA])
@pytest.mark.parametrize(
    ("precision", "dtype"),
    [("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)],
)
def test_a_named_precision_is_itself(precision, dtype, device):
    assert choose_dtype(precision, device) == dtype


@pytest.mark.parametrize("feature", ["avx512_bf16", "amx_bf16"])
def test_auto_is_bfloat16_on_a_cpu_that_computes_it(feature, set_hardware):
    set_hardware(**{feature: True})
    assert choose_dtype("auto", CPU) == torch.bfloat16


def test_auto_is_single_precision_on_any_other_cpu(set_hardware):
    set_hardware(avx2=True, avx512_bf16=False)
    assert choose_dtype("auto", CPU) == torch.float32
    set_hardware()
    assert choose_dtype("auto", CPU) == torch.float32


def test_auto_does_not_ask_the_cpu_about_another_device(set_hardware):
    set_hardware(gpu=True, avx512_bf16=True)
    assert choose_dtype("auto", CUDA) == torch.float16
    assert choose_dtype("auto", torch.device("meta")) == torch.float32
