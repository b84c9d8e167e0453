"""Where figures come from."""

import shlex
import subprocess

import pytest

from mvot_benchmarks.documents.provenance import contract, describe_command, describe_provenance

STREETS = [f"street-{number}" for number in range(201, 213)]


@pytest.mark.parametrize(
    ("words", "contracted"),
    [
        (["mot", *STREETS, "TUD-Campus"], ["mot", "street-{201..212}", "TUD-Campus"]),
        (["a-1", "a-2"], ["a-1", "a-2"]),
        (["a-1", "a-2", "a-3", "a-5", "a-6"], ["a-{1..3}", "a-5", "a-6"]),
        (["a-09", "a-10", "a-11"], ["a-{09..11}"]),
        (["a-9", "a-10", "a-11", "a-12"], ["a-9", "a-{10..12}"]),
        (["a-3", "a-2", "a-1"], ["a-3", "a-2", "a-1"]),
        (["a-1", "b-2", "a-3"], ["a-1", "b-2", "a-3"]),
        (["--detect-every", "1", "2", "3"], ["--detect-every", "1", "2", "3"]),
        (["--seconds", "0.1", "0.2", "0.3"], ["--seconds", "0.1", "0.2", "0.3"]),
    ],
)
def test_names_that_are_numbered_one_after_another_are_contracted(words, contracted):
    assert list(contract(words)) == contracted


def test_a_shell_makes_the_names_of_a_contraction():
    text = " ".join(contract(["x", *STREETS, "a-09", "a-10", "a-11"]))
    done = subprocess.run(
        ["bash", "-c", f"echo {text}"], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["x", *STREETS, "a-09", "a-10", "a-11"]


def test_a_command_is_without_the_files_that_it_wrote():
    arguments = ["rt", "my video", "--json", "a.json", "--fps", "25", "--plot=b.png"]
    assert describe_command(arguments) == "mvot-bench rt 'my video' --fps 25"
    assert shlex.split(describe_command(arguments))[2] == "my video"


def test_the_provenance_is_a_sentence(quality):
    assert describe_provenance(quality, "quality") == (
        "`mvot-bench mot A B` on AMD EPYC, 2 cores, with 2 threads; 2026-12-01, commit 0123456, "
        "version 0.2.0; rows in `benchmarks/results/quality.json`."
    )


def test_what_is_special_about_a_run_is_said(quality):
    quality.environment = {
        **quality.environment, "device": "NVIDIA H200", "threads": 1, "commit": "0123456789-dirty",
    }  # fmt: skip
    quality.complete = False
    text = describe_provenance(quality, "a")
    assert "on AMD EPYC, 2 cores, device NVIDIA H200, with 1 thread;" in text
    assert "commit 0123456 with changes," in text
    assert text.endswith("This run was cut short.")
    quality.environment = {**quality.environment, "commit": None}
    assert "commit" not in describe_provenance(quality, "a")


def test_a_long_command_is_a_block_of_code(quality):
    quality.arguments = ["mot", *(f"sequence-number-{number}" for number in "abcdefgh")]
    text = describe_provenance(quality, "a")
    assert text.startswith("```bash\nmvot-bench mot sequence-number-a ")
    assert "\n```\n\nMeasured on AMD EPYC" in text
