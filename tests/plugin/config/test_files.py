"""Files of settings."""

import os
import subprocess
import sys

import pytest

from mvot_plugin.config import read_config_file
from mvot_plugin.errors import InputError, UsageError


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", "engine: [", "not valid"),
        ("a.toml", "engine = ", "not valid"),
        ("a.yaml", "- 1\n- 2", "expected 'name: value' settings"),
        ("a.json", "{}", "must end in .yaml"),
        ("missing.yaml", None, "there is no such file of settings"),
        ("a.yaml", "false", "expected 'name: value' settings"),
        ("a.yaml", "a: 1\nb: [\n", "a.yaml, line 3: not valid"),
        ("a.yaml", "a: 1\nb: &x {c: 1}\nd: *x", "line 3: not valid: settings take no aliases"),
        ("a.yaml", "a: !!int foo", "line 1: not valid: settings take no tags"),
        ("a.yaml", "a: !!python/object:os.system {}", "line 1: not valid: settings take no tags"),
        ("a.yaml", "a: 1\na: 2", "line 2: not valid: the setting 'a' stands here twice"),
        ("a.yaml", "[a]: 2", "line 1: not valid: a list or mapping stands where a name"),
        ("a.yaml", "a: 0b_", "line 1: not valid: '0b_' is not a number to work with"),
        ("a.yaml", f"a: {'1' * 5000}", "line 1: not valid: '111"),
        ("a.toml", f"a = {'1' * 5000}", "not valid: a number has too many digits"),
        ("a.yaml", "a: " + "[" * 1000, "nested too deep"),
        ("a.toml", "a = " + "[" * 1000, "nested too deep"),
        ("a.toml", "\n" + "a." * 200 + "a = 1", "line 2: not valid: a name has too many parts"),
        ("a.yaml", "a: 1\0", "line 1: not valid: special characters are not allowed"),
        ("a.toml", "a = '1\0'", "not valid: Found invalid character"),
        ("a.yaml", "\xff", "line 1: not valid: is not UTF-8 text"),
        ("a.yaml", "# " + "x" * (256 << 10), "and a file of settings at most 262144"),
        ("nul\0.yaml", None, "cannot be read: embedded null byte"),
    ],
)
def test_a_file_that_holds_no_settings_is_named(tmp_path, name, text, message):
    path = tmp_path / name
    if text is not None:
        path.write_text(text, encoding="latin-1")
    with pytest.raises((InputError, UsageError)) as caught:
        read_config_file(path)
    assert message in str(caught.value)
    assert name.split("\0")[0] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_yaml_and_toml_are_equivalent(tmp_path):
    (tmp_path / "a.yaml").write_text("engine: hold\npipeline:\n  reenroll: 0.7\n")
    (tmp_path / "a.toml").write_text('engine = "hold"\n[pipeline]\nreenroll = 0.7\n')
    (tmp_path / "empty.yml").write_text("")
    assert read_config_file(tmp_path / "a.yaml") == read_config_file(tmp_path / "a.toml")
    assert read_config_file(tmp_path / "empty.yml") == {}


def test_reading_settings_loads_no_network_library():
    code = "import sys, mvot_plugin.config; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_what_is_no_regular_file_is_not_waited_for(tmp_path):
    (tmp_path / "folder.yaml").mkdir()
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    for name in ("folder", "pipe", "zero"):
        with pytest.raises(
            InputError, match=r"\.yaml: is a folder or a device; give a file of settings"
        ):
            read_config_file(tmp_path / f"{name}.yaml")
    with pytest.raises(
        InputError, match=r"loop\.yaml: cannot be read: Too many levels of symbolic links"
    ):
        read_config_file(tmp_path / "loop.yaml")


def test_names_and_dates_are_text_and_a_byte_order_mark_is_left_out(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("1: on\nno: 2024-13-01\nnull: x\n", encoding="utf-8-sig")
    assert read_config_file(path) == {"1": True, "no": "2024-13-01", "null": "x"}
