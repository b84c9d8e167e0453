"""The table of ``mvot-bench ablation``."""

from collections.abc import Mapping, Sequence

from mvot_benchmarks.ablation.siamattn import ATTN_ROWS
from mvot_benchmarks.ablation.siammotion import LIGHT_ROWS, ROWS
from mvot_benchmarks.vot import VotScore, pool_vot_scores

__all__ = ["format_table"]

ALL_ROWS = LIGHT_ROWS, ROWS, ATTN_ROWS
"""The rows of each engine's table; their parts tell which it is."""


def format_table(scores: Mapping[str, Sequence[VotScore]]) -> str:
    """A Markdown table of the scores of all sequences together, by parts: a row for each."""
    lines = ["| network | accuracy | | robustness | | mean IoU | |", "| --- |" + " --- |" * 6]
    rows = next(rows for rows in ALL_ROWS if rows["all parts"] in scores)
    whole = rows["all parts"]
    complete = _metrics(scores[whole])
    for name, parts in rows.items():
        if parts not in scores:
            continue
        pairs = zip(_metrics(scores[parts]), complete, strict=True)
        cells = [
            f"{mine:.3f} | {'' if parts == whole else f'{mine - full:+.3f}'}"
            for mine, full in pairs
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _metrics(scores: Sequence[VotScore]) -> tuple[float, float, float]:
    score = pool_vot_scores(scores)
    return score.accuracy, score.robustness, score.mean_iou
