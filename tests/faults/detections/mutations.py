"""Random mutations of a valid file; the seed of the suite decides them."""

from collections.abc import Iterator
from random import Random

from faults.detections.writing import GOOD, file_case
from helpers.faults.case import Case

__all__ = ["cases"]

_COUNT, _QUICK = 80, 4
_PIECES = (
    *(b",", b"\n", b"\r", b" ", b"-", b".", b"e", b"0", b"9" * 30, b"nan", b"inf", b"#", b"\0"),
    *(b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\x1b[31m", b"1e999", b"0x", b"_", b'"', b"%s"),
)


def cases(random: Random) -> Iterator[Case]:
    """Files that may be read or not."""
    for number in range(_COUNT):
        data = _mutate((GOOD * 3).encode(), random)
        engine = random.choice(("hold", "kalman", "lk-flow"))
        quick = number < _QUICK
        yield file_case(f"mutation {number}", data, engine=engine, quick=quick)


def _mutate(data: bytes, random: Random) -> bytes:
    for _ in range(random.randint(1, 6)):
        begin = random.randrange(len(data) + 1)
        end = begin + random.choice((0, 0, 1, 2, 7, 20))
        middle = random.choice(
            (
                random.choice(_PIECES),
                bytes([random.randrange(256)]),
                b"",
                data[random.randrange(len(data) + 1) :][: random.randrange(40)],
            )
        )
        data = data[:begin] + middle + data[end:] or b"\n"
    return data
