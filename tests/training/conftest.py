"""The data of ``--smoke`` runs, which takes seconds to render."""

import pytest

from helpers.synthetic import without_shape_checks
from mvot_training import options
from mvot_training.data.smoke import write_smoke_data


@pytest.fixture(scope="session")
def smoke_roots(tmp_path_factory):
    """The folders of the data, which no test may change."""
    with without_shape_checks():
        return write_smoke_data(tmp_path_factory.mktemp("smoke") / "data")


@pytest.fixture
def smoke_is_written(smoke_roots, monkeypatch):
    """``--smoke`` finds its data written already."""
    monkeypatch.setattr(options, "write_smoke_data", lambda folder: smoke_roots)
