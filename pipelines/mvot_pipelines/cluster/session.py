"""A connection to a Ray cluster, which says nothing on the terminal."""

import logging
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from mvot_pipelines.cluster.config import ClusterConfig
from mvot_plugin.errors import InputError, UsageError, describe_error
from mvot_plugin.extras import require_module
from mvot_plugin.threads import usable_threads

__all__ = ["count_workers", "open_session"]

_STORE_BYTES = 256 << 20
"""Of shared memory, in a cluster that the command starts: only tracks pass through it."""
_QUIET = {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}
"""Settings of Ray that keep it from printing, and from reporting its use to its makers."""


@contextmanager
def open_session(config: ClusterConfig) -> Iterator[Any]:
    """Connect to the cluster that the settings name, or start one, for the body of a ``with``.

    What Ray prints on the standard output meanwhile, as it does where a worker dies, is left out.

    Args:
        config: The settings.

    Yields:
        The module ``ray``; where it is connected already, it stays so.

    Raises:
        UsageError: Ray is not installed.
        InputError: There is no cluster, or none that fits.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    ray = require_module("ray", "mvot-cluster", "ray")
    if ray.is_initialized():
        yield ray
        return
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        _connect(ray, config)
        try:
            yield ray
        finally:
            ray.shutdown()


def _connect(ray: Any, config: ClusterConfig) -> None:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if config.address is None:
        cores = math.ceil((config.workers or 1) * config.cpus)
        options |= {
            "num_cpus": max(usable_threads(), cores),
            "include_dashboard": False,
            "object_store_memory": _STORE_BYTES,
        }
        os.environ.pop("RAY_ADDRESS", None)
    else:
        options["address"] = config.address
    try:
        ray.init(**options)
    except Exception as error:  # Ray raises bare ones, too, as when its node starts too slowly
        if config.address is None:
            raise InputError(f"Ray does not start ({describe_error(error)})") from error
        raise InputError(
            f"there is no Ray cluster at --address {config.address} ({describe_error(error)}): "
            "start one with 'ray start --head', or leave --address out to use this machine alone"
        ) from error


def count_workers(ray: Any, config: ClusterConfig, jobs: int) -> int:
    """How many workers to place for so many pieces or streams.

    Raises ``UsageError`` where no machine has room for one.
    """
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    room = sum(_count_fitting(machine, config) for machine in machines)
    if config.workers is not None and room:
        return min(config.workers, jobs)
    if not room:
        raise UsageError(
            f"no machine of the cluster has --cpus {config.cpus:g} and --gpus {config.gpus:g} for "
            "a worker: ask for less, or add a machine with 'ray start --address'"
        )
    return min(room, jobs)


def _count_fitting(machine: dict[str, float], config: ClusterConfig) -> int:
    """How many workers a machine has room for, by all its resources."""
    fitting = machine.get("CPU", 0.0) // config.cpus
    if config.gpus:
        fitting = min(fitting, machine.get("GPU", 0.0) // config.gpus)
    return int(fitting)
