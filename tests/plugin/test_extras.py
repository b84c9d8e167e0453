"""What needs an extra that is not installed says how to install it."""

import os
import sys

import pytest

from mvot_plugin.errors import UsageError
from mvot_plugin.extras import require_module, require_torch


def test_torch_is_imported_where_it_is_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", sys)
    require_torch("engine 'siammotion'")


def test_without_torch_the_message_says_who_needs_it_and_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UsageError) as caught:
        require_torch("engine 'siammotion'")
    assert str(caught.value) == (
        "engine 'siammotion' needs torch: pip install 'mvot-plugin[torch]'"
    )
    with pytest.raises(UsageError, match=r"training needs torch: .*\[train\]"):
        require_torch("training", "train")


def test_a_module_that_is_there_is_returned():
    assert require_module("os.path", "a test", "test") is os.path


@pytest.mark.parametrize("missing", ["pycocotools", "pycocotools.mask"])
def test_a_missing_module_is_named_by_its_package(monkeypatch, missing):
    monkeypatch.delitem(sys.modules, "pycocotools.mask", raising=False)
    monkeypatch.setitem(sys.modules, missing, None)
    message = r"^writing masks needs pycocotools: pip install 'mvot-plugin\[torch\]'$"
    with pytest.raises(UsageError, match=message):
        require_module("pycocotools.mask", "writing masks", "torch")


def test_a_torch_that_cannot_be_imported_is_not_said_to_be_missing(monkeypatch, tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('libcudart.so.12 is missing')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torch")
    with pytest.raises(UsageError, match=r"needs torch \(libcudart.so.12 is missing\): pip"):
        require_torch("engine 'siammotion'")
