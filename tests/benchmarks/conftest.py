import pytest

from helpers.benchmarks.moving_sequence import write_sequence

AWAY = range(12, 47)


@pytest.fixture
def returning_sequence(tmp_path):
    """Writes a sequence of an object that leaves for 3.5 seconds and comes back, by its name."""

    def write(name):
        folder = write_sequence(tmp_path / name, frames=60)
        for part in ("det", "gt"):
            path = folder / part / f"{part}.txt"
            lines = path.read_text().splitlines()
            path.write_text("\n".join(row for i, row in enumerate(lines) if i not in AWAY))
        return folder

    return write
