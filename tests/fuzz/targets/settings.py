"""The reader of settings; the first byte says whether they are YAML (even) or TOML."""

from fuzz.inputs import allow_refusal, scratch_folder
from mvot_pipelines.config import RunConfig
from mvot_plugin.config import build_config, format_config, read_config_file


def check(data: bytes) -> None:
    """Read the bytes as a file of settings; what is accepted is written and read back."""
    is_yaml = not data or data[0] % 2 == 0
    path = scratch_folder() / ("run.yaml" if is_yaml else "run.toml")
    path.write_bytes(data[1:])
    with allow_refusal():
        config = build_config(RunConfig, read_config_file(path))
        again = scratch_folder() / "again.yaml"
        again.write_text(format_config(config), encoding="utf-8")
        assert build_config(RunConfig, read_config_file(again)) == config
