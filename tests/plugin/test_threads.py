"""How many threads a process may use: its cores, its containers' quotas, its environment."""

import os
import subprocess
import sys

import cv2
import pytest
import torch

from mvot_plugin import threads
from mvot_plugin.errors import UsageError
from mvot_plugin.threads import check_threads, limit_threads, usable_threads

CORES = 8
ROOT_GROUPS = "4:memory:/\n1:cpu,cpuacct:/\n0::/\n"


@pytest.fixture(autouse=True)
def machine(monkeypatch, tmp_path):
    """A machine of eight cores without containers; the folder holds what it says of them."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(CORES)), raising=False)
    for name in ("OMP_NUM_THREADS", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(threads, "MEMBERSHIP", tmp_path / "membership")
    monkeypatch.setattr(threads, "CGROUPS", tmp_path / "groups")
    return tmp_path


def write_groups(machine, membership, files):
    (machine / "membership").write_text(membership)
    for name, text in files.items():
        path = machine / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def version_1(group, quota, period=100_000):
    return {f"{group}/cpu.cfs_quota_us": f"{quota}\n", f"{group}/cpu.cfs_period_us": f"{period}\n"}


def test_without_containers_they_are_the_cores_that_the_process_may_run_on(monkeypatch):
    assert usable_threads() == CORES
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 5})
    assert usable_threads() == 2


@pytest.mark.parametrize(("cores", "expected"), [(6, 6), (None, 1)])
def test_where_the_system_has_no_affinity_they_are_all_cores(monkeypatch, cores, expected):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert usable_threads() == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("max 100000\n", CORES),
        ("300000 100000\n", 3),
        ("250000 100000\n", 2),
        ("50000 100000\n", 1),
        ("6400000 100000\n", CORES),
        ("100000\n", CORES),
        ("100000 0\n", CORES),
        ("", CORES),
    ],
)
def test_the_quota_of_a_container_counts_in_whole_cores(machine, text, expected):
    write_groups(machine, "0::/\n", {"cpu.max": text})
    assert usable_threads() == expected


def test_the_least_quota_of_all_groups_around_the_process_counts(machine):
    files = {
        "a/cpu.max": "200000 100000",
        "a/b/cpu.max": "500000 100000",
        "a/b/c/cpu.max": "max 100000",
        "other/cpu.max": "100000 100000",
    }
    write_groups(machine, "0::/a/b/c\n", files)
    assert usable_threads() == 2


def test_a_container_that_does_not_see_its_own_path_has_its_quota_at_the_root(machine):
    write_groups(machine, "0::/docker/4f1e\n", {"cpu.max": "400000 100000"})
    assert usable_threads() == 4


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        (ROOT_GROUPS, version_1("cpu", -1), CORES),
        (ROOT_GROUPS, version_1("cpu", 300_000), 3),
        (ROOT_GROUPS, version_1("cpu", 100_000, 50_000), 2),
        ("2:cpu:/a/b\n", version_1("cpu", -1) | version_1("cpu/a/b", 400_000), 4),
        ("2:cpuset:/a\n", version_1("cpu/a", 100_000), CORES),
        (ROOT_GROUPS, {}, CORES),
    ],
)
def test_version_1_of_control_groups_keeps_quota_and_period_apart(
    machine, membership, files, expected
):
    write_groups(machine, membership, files)
    assert usable_threads() == expected


@pytest.mark.parametrize(
    ("value", "expected"), [("3", 3), ("2,4", 2), ("64", CORES), ("", CORES), ("many", CORES)]
)
def test_they_are_no_more_than_openmp_may_use(monkeypatch, value, expected):
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert usable_threads() == expected


def test_a_number_of_ones_own_is_taken_as_it_is():
    assert check_threads(None) == CORES
    assert check_threads(3 * CORES) == 3 * CORES
    with pytest.raises(UsageError, match="--threads must be 1 or more, got 0"):
        check_threads(0)


def test_a_limit_holds_while_it_lasts():
    before = cv2.getNumThreads(), torch.get_num_threads(), dict(os.environ)
    with limit_threads(3):
        assert (cv2.getNumThreads(), torch.get_num_threads()) == (3, 3)
        assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
        assert usable_threads() == 3
    assert (cv2.getNumThreads(), torch.get_num_threads(), dict(os.environ)) == before


def test_a_limit_ends_with_the_error_that_ends_its_block():
    before = cv2.getNumThreads()
    with pytest.raises(UsageError), limit_threads(3):
        check_threads(-1)
    assert cv2.getNumThreads() == before


def test_a_limit_leaves_the_users_way_of_waiting(monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    before = dict(os.environ)
    with limit_threads(2):
        assert dict(os.environ) == before | {"OMP_NUM_THREADS": "2"}
    assert dict(os.environ) == before


def test_a_limit_holds_for_a_torch_that_is_imported_later():
    code = (
        "import sys\n"
        "from mvot_plugin.threads import limit_threads\n"
        "with limit_threads(1):\n"
        "    assert 'torch' not in sys.modules\n"
        "    import torch\n"
        "    print(torch.get_num_threads())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
