"""Dataclasses of settings, and values that change them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A nested config."""

    weight: float = 1.0
    """The ``weight`` of
    the loss."""
    hardest: int = 32


@dataclass(frozen=True, kw_only=True)
class Base:
    """What others extend."""

    steps: int = 10
    """Steps in total."""
    rate: float = 1e-5
    """The learning rate."""


@dataclass(frozen=True, kw_only=True)
class Config(Base):
    """One field of each type."""

    steps: int = 20
    rate: float = 2e-5
    """Another rate."""
    name: str | None = None
    kind: Literal["fail", "coast"] = "fail"
    names: tuple[str, ...] = ()
    shares: tuple[float, ...] = (0.5, 1.0)
    line: tuple[float, float] | None = None
    weights: Mapping[str, float] = field(default_factory=lambda: {"a": 0.5})
    changes: Mapping[str, Any] = field(default_factory=dict)
    loss: Loss = field(default_factory=Loss)
    """The loss."""


@dataclass(frozen=True, kw_only=True)
class Row:
    iou: float
    best: float | None = None


CHANGED = {
    "steps": 3,
    "rate": 1,
    "name": "yes: no",
    "kind": "coast",
    "names": ["a", "null"],
    "shares": [1],
    "line": [1, -2.5],
    "weights": {"b": 2},
    "changes": {"deep": {"er": [1, "x"]}},
    "loss": {"hardest": 0},
}
