"""Pieces of recordings: where they are cut, how they are read, and what comes of them."""

from mvot_pipelines.cluster.pieces.plan import Piece, plan_pieces
from mvot_pipelines.cluster.pieces.results import Looks, PieceResult

__all__ = ["Looks", "Piece", "PieceResult", "plan_pieces"]
