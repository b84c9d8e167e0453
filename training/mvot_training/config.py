"""The training settings that the stages of ``mvot-train`` share, and the files of settings."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from mvot_plugin.config import read_config_file
from mvot_plugin.errors import UsageError, unknown_name

__all__ = [
    "HELD_OUT",
    "TrainingConfig",
    "check_counts",
    "find_packaged_configs",
    "merge_settings",
    "read_settings",
]

HELD_OUT = ("DAVIS_camel", "OTB_Crossing", "OTB_Dog", "OTB_Man")
"""Names of the sequences that no shipped network was trained on."""
SUFFIXES = (".yaml", ".yml", ".toml")
CONFIGS = Path(str(files("mvot_training"))) / "configs"
"""The folder of the packaged configs, which are named STAGE or STAGE-WHAT."""


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """The schedule of a training; each stage has its own defaults and adds its own settings."""

    steps: int
    """Training steps in total."""
    batch: int
    """Samples per training step."""
    learning_rate: float
    """The highest learning rate; it falls along a cosine to a hundredth of that."""
    warmup_steps: int = 200
    """Steps over which the learning rate rises to the highest, at the start."""
    weight_decay: float = 5e-5
    """Weight decay of AdamW."""
    ema_decay: float
    """Decay per step of the moving average of all weights, which is what is validated and kept."""
    validate_every: int
    """Steps between validations; the weights of the best one are kept."""
    seed: int = 0
    """Seed of the samples and of random initial weights."""
    held_out: tuple[str, ...] = HELD_OUT
    """Names of the sequences to validate on, which are not trained on."""

    def __post_init__(self) -> None:
        check_counts(self, ("steps", "batch", "warmup_steps", "validate_every"))


def check_counts(config: object, names: Iterable[str], *, prefix: str = "") -> None:
    """Raise ``UsageError`` for the first of the named settings that is below 1."""
    for name in names:
        value = getattr(config, name)
        if value < 1:
            raise UsageError(f"setting '{prefix}{name}' must be 1 or more, got {value}")


def read_settings(name: str, stage: str) -> dict[str, Any]:
    """Read the settings of a stage from a file, or from the packaged config of that name.

    A file may extend another one (``extends: NAME-or-path``, relative to its own folder): it
    changes those settings that it has, in nested ones name by name.

    Raises ``InputError`` for a file that cannot be read, and ``UsageError`` for an unknown name,
    which names the nearest, a config of another stage, and files that extend each other.
    """
    return _read_chain(_find_config(name, stage, Path()), stage, ())


def merge_settings(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with changes, which in nested ones are made name by name."""
    merged = dict(settings)
    for name, value in changes.items():
        old = merged.get(name)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            value = merge_settings(old, value)
        merged[name] = value
    return merged


def find_packaged_configs(stage: str) -> dict[str, str]:
    """The names of the packaged configs of a stage, and what each is for."""
    paths = sorted(path for path in CONFIGS.glob("*.yaml") if _stage_of(path.stem) == stage)
    first_lines = {path: path.read_text(encoding="utf-8").splitlines()[0] for path in paths}
    return {path.stem: line.lstrip("# ") for path, line in first_lines.items()}


def _read_chain(path: Path, stage: str, children: tuple[Path, ...]) -> dict[str, Any]:
    """The settings of a file and of those that it extends; ``children`` are what extends it."""
    settings = read_config_file(path)  # first, as no loop of links can be resolved
    if path.resolve() in children:
        raise UsageError(f"--config {path}: extends itself, directly or through other files")
    parent = settings.pop("extends", None)
    if parent is None:
        return settings
    if not isinstance(parent, str):
        raise UsageError(f"--config {path}: 'extends' must be a name or path, got {parent!r}")
    base = _find_config(parent, stage, path.parent)
    return merge_settings(_read_chain(base, stage, (*children, path.resolve())), settings)


def _find_config(name: str, stage: str, folder: Path) -> Path:
    """The file of that name, relative to ``folder``, or the packaged config of that name."""
    path = folder / name
    if path.suffix.lower() in SUFFIXES or path.is_file():
        return path
    packaged = CONFIGS / f"{name}.yaml"
    if not packaged.is_file() or packaged.parent != CONFIGS:
        error = unknown_name("packaged config", name, find_packaged_configs(stage))
        raise UsageError(f"--config: {error}")
    if _stage_of(name) != stage:
        raise UsageError(
            f"--config {name}: is a config of the stage {_stage_of(name)}, not of {stage}"
        )
    return packaged


def _stage_of(name: str) -> str:
    return name.partition("-")[0]
