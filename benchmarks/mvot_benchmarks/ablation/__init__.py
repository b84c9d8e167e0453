"""``mvot-bench ablation``: what each part of an engine contributes."""

from mvot_benchmarks.ablation.siamattn import ATTN_ROWS, switch_attention
from mvot_benchmarks.ablation.siammotion import (
    LIGHT_ROWS,
    ROWS,
    build_engines,
    describe_missing_rows,
    load_variants,
    switch_parts,
)
from mvot_benchmarks.ablation.tables import format_table

__all__ = [
    "ATTN_ROWS",
    "LIGHT_ROWS",
    "ROWS",
    "build_engines",
    "describe_missing_rows",
    "format_table",
    "load_variants",
    "switch_attention",
    "switch_parts",
]
