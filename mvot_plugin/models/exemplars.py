"""What is cached of exemplars."""

from dataclasses import dataclass
from typing import Any

from mvot_plugin.rows import Rows
from mvot_plugin.runtimes.base import Array

__all__ = ["Exemplars"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Exemplars(Rows):
    """The arrays of N exemplars of P places that later frames need (SiamMOTION 3.2.3)."""

    own: Array
    """(N, P, C): X_E + w^s X_E^s; without attention X_E, and the other two are None."""
    value: Array = None
    """(N, P, C): w^c V_E^c, to be masked by the search area's attention."""
    mask: Array = None
    """(N, C, C): the map that the exemplar's A_E applies to a search area: w^c W_v A_Eᵀ."""

    def repeat(self, count: int) -> "Exemplars":
        """Each exemplar ``count`` times, one after the other; of tensors."""
        value, mask = (
            v if v is None else v.repeat_interleave(count, 0) for v in (self.value, self.mask)
        )
        return Exemplars(own=self.own.repeat_interleave(count, 0), value=value, mask=mask)

    def to(self, *args: Any) -> "Exemplars":
        """Move or convert tensors, as ``torch.Tensor.to`` does."""
        value, mask = (v if v is None else v.to(*args) for v in (self.value, self.mask))
        return Exemplars(own=self.own.to(*args), value=value, mask=mask)
