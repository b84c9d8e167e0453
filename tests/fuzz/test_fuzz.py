"""Fuzz targets: what is in their corpus, and a second of more."""

from importlib import import_module
from importlib.util import find_spec

import pytest

from fuzz.runner import CORPUS, TARGETS, fuzz_target

INPUTS = [(target, path) for target in TARGETS for path in sorted((CORPUS / target).iterdir())]


@pytest.mark.parametrize(
    ("target", "path"), [pytest.param(*one, id=f"{one[0]}-{one[1].name}") for one in INPUTS]
)
def test_an_input_of_the_corpus_breaks_nothing(target, path):
    import_module(f"fuzz.targets.{target}").check(path.read_bytes())


@pytest.mark.skipif(find_spec("atheris") is None, reason="needs atheris")
@pytest.mark.parametrize("target", TARGETS)
def test_a_second_of_fuzzing_finds_nothing(target, tmp_path):
    new, findings = tmp_path / "new", tmp_path / "findings"
    new.mkdir()
    findings.mkdir()
    done = fuzz_target(target, seconds=1, seed=0, new=new, findings=findings)
    assert done.returncode == 0, done.stdout[-3000:]
    assert not list(findings.iterdir())


def test_the_corpus_is_small():
    assert sum(path.stat().st_size for _, path in INPUTS) < 300_000
