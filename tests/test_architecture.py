import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


def test_the_library_never_imports_the_pipeline_or_the_benchmarks():
    files = list((ROOT / "mvot_plugin").rglob("*.py"))
    assert len(files) > 10
    for path in files:
        assert not {"mvot_pipelines", "mvot_benchmarks"} & set(imports(path)), path


def test_only_demo_and_training_make_the_pipeline_look_at_the_benchmarks():
    users = [
        path.name
        for path in (ROOT / "pipelines").rglob("*.py")
        if "mvot_benchmarks" in set(imports(path))
    ]
    assert sorted(users) == ["certainty.py", "cli.py", "validation.py"]


@pytest.mark.parametrize("package", ["mvot_plugin", "mvot_pipelines"])
def test_importing_loads_no_network_library(package):
    heavy = "{'torch', 'ultralytics', 'motmetrics', 'pandas', 'matplotlib'}"
    code = f"import sys, {package}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_training_and_benchmarks_start_without_what_a_gpu_machine_may_lack():
    """`benchmarks/gpu.sh` takes a few packages along, none of these."""
    code = (
        "import sys\n"
        "for name in ('filterpy', 'matplotlib', 'motmetrics', 'pandas', 'scipy', 'ultralytics'):\n"
        "    sys.modules[name] = None\n"
        "import mvot_benchmarks.cli, mvot_pipelines.training.cli\n"
        "import mvot_pipelines.training.validation\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_the_gpu_script_says_how_to_call_it():
    script = ROOT / "benchmarks" / "gpu.sh"
    done = subprocess.run(["bash", str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout.startswith("What waits for a GPU")
    assert done.stdout.rstrip().endswith("benchmarks/gpu.sh bench OUT")


def test_the_gpu_script_cuts_up_what_is_too_large_to_carry_and_joins_it_again(tmp_path):
    trainer, out, then = tmp_path / "python", tmp_path / "out", tmp_path / "then"
    trainer.write_text(
        "#!/usr/bin/env bash\n"
        'while [ "$1" != --output ]; do shift; done\n'
        '[ -e "$2/last.pt" ] || head -c 20000000 /dev/urandom >"$2/last.pt"\n'
        'echo done >"$2/losses.csv"\n'
        'sha256sum <"$2/last.pt" >"$2/sum.txt"\n'
    )
    trainer.chmod(0o755)
    call = ["bash", str(ROOT / "benchmarks" / "gpu.sh"), "backbone", "0.1"]
    environment = {**os.environ, "PYTHON": str(trainer)}
    subprocess.run([*call, str(out)], env=environment, check=True)
    sizes = {path.name: path.stat().st_size for path in out.iterdir()}
    assert "last.pt" not in sizes
    assert {"last.pt.part00", "last.pt.part01", "losses.csv"} <= set(sizes)
    assert max(sizes.values()) <= 16 * 2**20
    subprocess.run([*call, str(then), str(out / "last.pt")], env=environment, check=True)
    assert (then / "sum.txt").read_text() == (out / "sum.txt").read_text()
