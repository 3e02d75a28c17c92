"""Cuts of the network: packets between a component and what it needs vanish without a word.

A rule of nftables in the container's own network drops them, so no peer sees a closed connection.
It needs root, or sudo that asks for no password, and the program `nft`.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from containers.deployment import AMAZON, DATABASE, Deployment, wait_until
from containers.faults import Injected

SHORT_SECONDS, LONG_SECONDS = 30, 600
COMMAND_SECONDS = 30
TABLE = "recomamp_cut"
DIRECTIONS = {
    "both ways": ("input", "output"),
    "answers lost": ("input",),
    "requests lost": ("output",),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A component and its peers. ``all_hosts``: no other host could do the work meanwhile."""

    service: str
    peer: str
    all_hosts: bool = False

    @property
    def name(self) -> str:
        """What the matrix calls the link."""
        return f"{self.service} and {self.peer}"


LINKS = (
    Link(service="worker", peer="broker"),
    Link(service="worker", peer="databases"),
    Link(service="worker", peer="API server"),
    Link(service="worker", peer="Amazon", all_hosts=True),
    Link(service="triggerer", peer="databases"),
    Link(service="scheduler", peer="databases"),
)


def cut(link: Link, direction: str, seconds: float, deployment: Deployment) -> Injected:
    """Cut a link of one host, or of all, for some seconds."""
    hosts = _busy_hosts(deployment, link.service)
    hosts = hosts if link.all_hosts else hosts[:1]
    addresses = [
        address
        for name in _peers(deployment, link.peer)
        for address in _addresses(deployment, name)
    ]
    names = tuple(str(deployment.engine.inspect(host)["Config"]["Hostname"]) for host in hosts)
    began = time.time()
    with _dropped(deployment, hosts, addresses, DIRECTIONS[direction]):
        time.sleep(seconds)
    return Injected(
        over=time.time(),
        began=None if link.all_hosts else began,
        hosts=names if link.service == "worker" else (),
        heartbeats=() if link.service == "worker" else names,
    )


def cuts() -> dict[str, Callable[[Deployment], Injected]]:
    """Return every cut by its name: short ones in each direction, and long ones."""
    plans = [
        *((link, direction, SHORT_SECONDS) for link in LINKS for direction in DIRECTIONS),
        *((link, "both ways", LONG_SECONDS) for link in LINKS),
    ]
    return {
        f"{link.name}, {direction}, {seconds} s": partial(cut, link, direction, seconds)
        for link, direction, seconds in plans
    }


def _peers(deployment: Deployment, peer: str) -> list[str]:
    return {
        "broker": lambda: deployment.containers("redis"),
        "databases": lambda: [*deployment.containers("postgres"), DATABASE],
        "API server": lambda: deployment.containers("api-server"),
        "Amazon": lambda: [AMAZON],
    }[peer]()


def _addresses(deployment: Deployment, name: str) -> list[str]:
    networks = deployment.engine.inspect(name)["NetworkSettings"]["Networks"]
    return [network["IPAddress"] for network in networks.values() if network["IPAddress"]]


@contextmanager
def _dropped(
    deployment: Deployment, hosts: Sequence[str], addresses: Sequence[str], chains: Sequence[str]
) -> Iterator[None]:
    """Drop what hosts receive from addresses (input), or send to them (output)."""
    peers = "{ " + ", ".join(addresses) + " }"
    fields = {"input": "saddr", "output": "daddr"}
    table = f"table inet {TABLE}\n"  # declared first, so that it can be deleted in any case
    rules = "".join(
        f"add chain inet {TABLE} {chain} {{ type filter hook {chain} priority 0; }}\n"
        f"add rule inet {TABLE} {chain} ip {fields[chain]} {peers} drop\n"
        for chain in chains
    )
    processes = [int(deployment.engine.inspect(host)["State"]["Pid"]) for host in hosts]
    try:
        for process in processes:
            _in_network_of(process, table + rules)
        yield
    finally:
        # A container that has restarted has another process, and perhaps another network
        for host in hosts:
            process = int(deployment.engine.inspect(host)["State"]["Pid"])
            _in_network_of(process, f"{table}delete table inet {TABLE}\n")


def _in_network_of(process: int, rules: str) -> None:
    command = ["nsenter", "--target", str(process), "--net", "nft", "--file", "-"]
    if os.geteuid():
        command = ["sudo", "-n", *command]
    subprocess.run(command, input=rules, text=True, check=True, timeout=COMMAND_SECONDS)


# The hosts that have work
_BUSY = {
    "worker": "SELECT hostname FROM task_instance WHERE state = 'running'",
    "triggerer": "SELECT hostname FROM job WHERE id IN (SELECT triggerer_id FROM trigger)",
    "scheduler": """
        SELECT hostname FROM job WHERE id IN (
            SELECT queued_by_job_id FROM task_instance WHERE state IN ('queued', 'running')
        )
    """,
}


def _busy_hosts(deployment: Deployment, service: str) -> list[str]:
    """Wait until one host has work, so that a cut can do harm, and return all, that one first."""
    containers = {
        str(deployment.engine.inspect(name)["Config"]["Hostname"]): name
        for name in deployment.containers(service)
    }
    busy: list[str] = []

    def is_busy() -> bool:
        busy[:] = [host for (host,) in deployment.airflow(_BUSY[service]) if host in containers]
        return bool(busy)

    wait_until(f"work on a {service}", is_busy, 60)
    return [containers[busy[0]], *(name for host, name in containers.items() if host != busy[0])]
