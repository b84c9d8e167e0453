"""How much each part of SiamAttn contributes (its 4.4, Tables 5 and 6).

Parts are M, region refinement with masks; S, self-attention; C, cross-attention; and D, deformable
convolution. All are switched off in one set of weights: what the network then lacks, it was trained
with, where the paper trains a network for each row.
"""

from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from mvot_plugin.engines import load_engine
from mvot_plugin.extras import require_torch

if TYPE_CHECKING:
    from mvot_plugin.engines.siamese import SiamAttnEngine

__all__ = ["ATTN_ROWS", "switch_attention"]

SWITCHES = {
    "M": "refinement",
    "S": "self-attention",
    "C": "cross-attention",
    "D": "deformable convolution",
}
"""What ``SiamAttnNet.switch_off`` calls the parts, by letter."""
ALL_PARTS = "MSCD"
ATTN_ROWS = {
    "all parts": ALL_PARTS,
    **{f"without {name}": ALL_PARTS.replace(part, "") for part, name in SWITCHES.items()},
}
"""The parts of each row of the table."""


def switch_attention(device: str, precision: str) -> "dict[str, SiamAttnEngine]":
    """`siamattn` with its weights, and the same without one part, by parts.

    Raises ``UsageError`` for a device or a precision that cannot be used.
    """
    require_torch("an ablation")
    whole = cast(
        "SiamAttnEngine", load_engine("siamattn", "auto", device, precision, runtime="torch")
    )
    built = {}
    for parts in ATTN_ROWS.values():
        network: Any = deepcopy(whole.network)
        network.module.network.switch_off([SWITCHES[p] for p in ALL_PARTS if p not in parts])
        network.config = network.module.config
        built[parts] = replace(whole, network=network)
    return built
