"""The ranges of settings."""

from dataclasses import dataclass, replace
from math import inf, nan
from typing import Annotated

import pytest

from mvot_plugin.config import CheckedConfig, Fraction, NonNegative, Range, build_config
from mvot_plugin.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Inner(CheckedConfig):
    share: Fraction = 0.5
    seconds: NonNegative | None = None
    pair: tuple[Fraction, Fraction] | None = None


@dataclass(frozen=True, kw_only=True)
class Outer(CheckedConfig):
    every: Annotated[int, Range(1, 100)] | str = 5
    name: str = "a"
    inner: Inner = Inner()


@pytest.mark.parametrize(
    ("share", "message"),
    [
        (-1e-9, "Inner.share must be 0 or more, got -1e-09"),
        (1.5, "Inner.share must be 1 or less, got 1.5"),
        (nan, "Inner.share must be a number, got nan"),
        (inf, "Inner.share must be 1 or less, got inf"),
        (-inf, "Inner.share must be 0 or more, got -inf"),
    ],
)
def test_a_number_out_of_its_range_is_refused_wherever_it_comes_from(share, message):
    with pytest.raises(UsageError, match=message):
        Inner(share=share)
    with pytest.raises(UsageError, match=message):
        replace(Inner(), share=share)
    message = message.replace("Inner.share", "c: setting 'inner.share'")
    with pytest.raises(UsageError, match=message):
        build_config(Outer, {"inner": {"share": share}}, origin="c: ")


def test_the_ends_of_a_range_belong_to_it():
    assert build_config(Outer, {"every": 100, "inner": {"share": 1}}).inner.share == 1.0
    assert Outer(every=1, inner=Inner(share=0.0)).every == 1


def test_ranges_hold_for_each_of_several_numbers():
    assert Inner(pair=(0, 1)).pair == (0, 1)
    with pytest.raises(UsageError, match=r"Inner.pair must be 1 or less, got 1.5"):
        Inner(pair=(0, 1.5))


def test_ranges_hold_for_the_number_among_several_types():
    assert Outer(every="auto").every == "auto"
    assert Inner(seconds=None).seconds is None
    with pytest.raises(UsageError, match=r"Outer\.every must be 100 or less, got 101"):
        Outer(every=101)
    with pytest.raises(UsageError, match="every must be 100 or less, got a number of thousands"):
        Outer(every=10**5000)


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_a_text_that_no_file_can_have_as_its_name_is_refused(name):
    with pytest.raises(UsageError, match=r"Outer\.name has a character that no name may have"):
        Outer(name=name)
    assert Outer(name="\udcff").name == "\udcff"  # a byte that is no UTF-8 can be in a name
