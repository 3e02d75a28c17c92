"""The faults: each happens while a collection is under way, and says when it was over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from containers.deployment import DATABASE, Deployment, wait_until
from containers.images import next_image

OUTAGE_SECONDS, CUT_SECONDS = 60, 90
HOLDING_SECONDS = 180
RELEASE_AFTER_SECONDS = 15
SUBMIT, LOAD = "create_execution", "download"


@dataclass(frozen=True, kw_only=True, slots=True)
class Injected:
    """When a fault was over, and on which hosts work must go on. Times are seconds since the epoch.

    ``began`` is set where others must do the work meanwhile: no run may stall from then on.
    ``hosts`` must run tasks again, and ``heartbeats`` are hosts that must send them again.
    """

    over: float
    began: float | None = None
    hosts: tuple[str, ...] = ()
    heartbeats: tuple[str, ...] = ()


def nothing(deployment: Deployment) -> Injected:
    """Let everything work, for comparison."""
    return Injected(over=time.time())


def kill_workers(deployment: Deployment) -> Injected:
    """Kill both workers while one sends a query and one downloads its results."""
    deployment.amazon("POST", "/faults", {"operation": SUBMIT, "fault": "hold_after", "times": 1})
    _hold_downloads(deployment)
    wait_until(
        "a query and a download",
        lambda: deployment.held(SUBMIT) > 0 and deployment.held(LOAD) > 0,
        HOLDING_SECONDS,
    )
    workers = deployment.containers("worker")
    for name in workers:
        deployment.engine.kill(name)
    over = time.time()
    deployment.amazon("DELETE", "/faults")
    return Injected(over=over, hosts=_hosts(deployment, workers))


def cut_worker_off(deployment: Deployment) -> Injected:
    """Take a worker off all its networks."""
    name = deployment.containers("worker")[-1]
    networks = list(deployment.engine.inspect(name)["NetworkSettings"]["Networks"])
    _wait_for_work(deployment)
    for network in networks:
        deployment.engine.run("network", "disconnect", network, name)
    time.sleep(CUT_SECONDS)
    for network in networks:
        deployment.engine.run("network", "connect", "--alias", "worker", network, name)
    return Injected(over=time.time(), hosts=_hosts(deployment, [name]))


def stop_redis(deployment: Deployment) -> Injected:
    """Stop the broker."""
    return _stop(deployment, deployment.container("redis"))


def stop_postgres(deployment: Deployment) -> Injected:
    """Stop both databases."""
    return _stop(deployment, deployment.container("postgres"), DATABASE)


def restart_schedulers(deployment: Deployment) -> Injected:
    """Restart both schedulers."""
    _wait_for_work(deployment)
    deployment.engine.run("restart", *deployment.containers("scheduler"))
    return Injected(over=time.time())


def go_down(deployment: Deployment) -> Injected:
    """Stop everything by `down` during a load, and start it again."""
    _hold_downloads(deployment)
    wait_until("a download", lambda: deployment.held(LOAD) > 0, HOLDING_SECONDS)
    _release_later(deployment)
    deployment.compose("down")
    deployment.up()
    return Injected(over=time.time())


def replace_image(deployment: Deployment) -> Injected:
    """Replace every container by one of another image, during a load."""
    setting = "RECOMAMP_PIPELINE_IMAGE"
    with TemporaryDirectory() as folder:
        following = next_image(deployment.engine, deployment.images[setting], Path(folder))
    _hold_downloads(deployment)
    wait_until("a download", lambda: deployment.held(LOAD) > 0, HOLDING_SECONDS)
    _release_later(deployment)
    deployment.images = deployment.images | {setting: following}
    deployment.up()
    return Injected(over=time.time())


FAULTS: dict[str, Callable[[Deployment], Injected]] = {
    "none": nothing,
    "both workers killed": kill_workers,
    f"a worker off the network for {CUT_SECONDS} s": cut_worker_off,
    f"Redis stopped for {OUTAGE_SECONDS} s": stop_redis,
    f"Postgres stopped for {OUTAGE_SECONDS} s": stop_postgres,
    "schedulers restarted": restart_schedulers,
    "down and up": go_down,
    "image replaced": replace_image,
}


def _stop(deployment: Deployment, *names: str) -> Injected:
    _wait_for_work(deployment)
    deployment.engine.run("stop", *names)
    time.sleep(OUTAGE_SECONDS)
    deployment.engine.run("start", *names)
    return Injected(over=time.time())


def _hold_downloads(deployment: Deployment) -> None:
    deployment.amazon("POST", "/faults", {"operation": LOAD, "fault": "hold_before", "times": 1})


def _release_later(deployment: Deployment) -> None:
    release = threading.Timer(RELEASE_AFTER_SECONDS, deployment.amazon, args=("DELETE", "/faults"))
    release.start()


def _wait_for_work(deployment: Deployment) -> None:
    """Wait until tasks work on both workers, or one waits at Amazon."""
    busy = """
        SELECT count(DISTINCT hostname) FROM task_instance
        WHERE dag_id LIKE 'amc%' AND state IN ('running', 'deferred')
    """
    wait_until("tasks", lambda: int(deployment.airflow(busy)[0][0]) > 0)


def _hosts(deployment: Deployment, names: list[str]) -> tuple[str, ...]:
    return tuple(deployment.engine.inspect(name)["Config"]["Hostname"] for name in names)
