"""Results of runs, as files hold them."""

from helpers.benchmarks.moving_sequence import make_scores
from mvot_benchmarks.reporting.results import Results

__all__ = ["SHARES", "make_run", "scores_of"]

ENVIRONMENT = {
    "commit": "0123456789abcdef", "version": "0.2.0", "device": "cpu", "cpu": "AMD EPYC, 2 cores",
    "threads": 2, "packages": {},
}  # fmt: skip
SHARES = {"A": 0.5, "B": 0.7}
"""MOTA of the sequences at k = 1; IDF1 and HOTA are 0.1 and 0.2 less, and all 0.1 less at k = 5."""


def scores_of(sequence, k, bonus=0.0):
    mota = SHARES[sequence] + bonus - (0.1 if k > 1 else 0.0)
    return make_scores(mota=mota, idf1=mota - 0.1, hota=mota - 0.2)


def make_run(kind, command, rows, **head):
    return Results(
        kind=kind,
        command=command,
        arguments=[command, "A", "B", "--json", f"{command}.json"],
        environment=ENVIRONMENT,
        date="2026-12-01T10:11:12+00:00",
        complete=True,
        rows=rows,
        **head,
    )
