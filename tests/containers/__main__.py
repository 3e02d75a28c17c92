"""Let one part of docker-compose.yaml after the other fail, and print what became of the work.

    make compose-test                        # every fault
    make compose-test ONLY="none redis"      # those whose name contains one of the words
    make network-test                        # every cut of the network between containers
    make network-test ONLY="broker 600"      # those whose name contains one of the words

It exits with 1 if a window was sent twice or lost, or if a run stood still for too long.
"""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from containers.cuts import cuts
from containers.deployment import PROJECT, Deployment, Timeout, wait_until
from containers.engine import NoEngine, find_engine
from containers.faults import FAULTS, Injected
from containers.images import base_images, product_images
from containers.watch import Watch, longest_stall
from fixtures.composition import example_values

WEEKS = 6
LONGEST_STALL_SECONDS = 180
END_SECONDS = 900
BACKFILL = ("2026-03-02", "2026-03-06")
LOG = Path("data") / "compose-test.log"

SCHEDULE = """
    INSERT INTO workflow_schedules
        (name, cron_expression, timezone, workflow_id, user_id)
    SELECT name, '0 6 * * *', 'UTC', id, user_id FROM workflows WHERE name = 'backfilled'
    RETURNING 'amc_schedule_' || id
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of the windows of one fault. Times are in seconds after the fault was over.

    ``back_after`` is infinite if a host never worked again, and None where no host was looked at.
    """

    fault: str
    windows: int
    once: int
    doubled: int
    lost: int
    stall: float
    done_after: float
    back_after: float | None
    has_happened: bool = True

    @property
    def is_good(self) -> bool:
        """Whether the fault did what a fault may do."""
        kept = self.once == self.windows and not self.doubled and not self.lost
        is_back = self.back_after is None or math.isfinite(self.back_after)
        return self.has_happened and kept and is_back and self.stall <= LONGEST_STALL_SECONDS

    def row(self) -> str:
        """Return the outcome as a line of a table."""
        back = "–" if self.back_after is None else f"{self.back_after:.0f}".replace("inf", "never")
        counts = f"{self.windows} | {self.once} | {self.doubled} | {self.lost}"
        return f"| {self.fault} | {counts} | {self.stall:.0f} | {back} | {self.done_after:.0f} |"


HEAD = (
    "| Fault | Windows | Once at AMC | Doubled | Lost | Longest stall, s | Back at work after, s"
    " | All done after, s |\n|---|---|---|---|---|---|---|---|"
)


def say(text: str) -> None:
    """Print one line at once."""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()


def main(kind: str, words: list[str]) -> int:
    """Run the faults that are asked for; 1 if one did harm, 2 without an engine."""
    faults = FAULTS if kind == "faults" else cuts()
    LOG.parent.mkdir(exist_ok=True)
    LOG.write_text("", encoding="utf-8")
    try:
        engine = find_engine(LOG)
    except NoEngine as err:
        sys.stderr.write(f"{err}\n")
        return 2
    chosen = {
        name: fault
        for name, fault in faults.items()
        if not words or any(word.lower() in name.lower() for word in words)
    }
    with TemporaryDirectory(prefix=f"{PROJECT}-") as folder:
        say(f"images, with {engine.program}")
        (made := Path(folder) / "images").mkdir()
        images = base_images(engine, example_values(), made)
        images |= product_images(engine, images["PYTHON_IMAGE"])
        deployment = Deployment(engine, images, Path(folder))
        with _running(deployment):
            outcomes = [_try(deployment, name, fault) for name, fault in chosen.items()]
            outcomes += [_backfill(deployment)] if kind == "faults" else []
    sys.stdout.write("\n".join([HEAD, *(one.row() for one in outcomes)]) + "\n")
    return 0 if all(one.is_good for one in outcomes) else 1


@contextmanager
def _running(deployment: Deployment) -> Iterator[None]:
    """Run the deployment, and leave nothing of it behind."""
    try:
        say("secrets, databases, Amazon")
        deployment.prepare()
        deployment.insert_tenant()
        say("up")
        deployment.up()
        yield
    finally:
        say("removing the containers")
        deployment.remove()


def _try(deployment: Deployment, name: str, fault: Callable[[Deployment], Injected]) -> Outcome:
    say(f"fault: {name}")
    deployment.amazon("DELETE", "/faults")
    with Watch(deployment) as watch:
        deployment.register(name, WEEKS)
        wait_until("a query at AMC", lambda: sum(_sent(deployment, name).values()) > 0)
        injected, has_happened = _inject(deployment, fault)
        workers = len(deployment.containers("worker"))
        say(f"  over; {workers} workers")
        ended = (
            "SELECT count(*) FROM report_data_weeks AS week"
            " JOIN report_data_collections AS collection ON collection.id = week.collection_id"
            f" WHERE collection.name = '{name}' AND week.status IN ('SUCCESS', 'FAILED')"
        )
        with suppress(Timeout):  # what has not ended by then is lost
            wait_until("all weeks", lambda: _count(deployment, ended) == WEEKS, END_SECONDS)
        done_after = time.time() - injected.over
        back_after = _back_after(deployment, name, injected)
    succeeded = _count(deployment, f"{ended} AND week.status = 'SUCCESS'")
    sent = _sent(deployment, name)
    outcome = Outcome(
        fault=name,
        windows=WEEKS,
        once=sum(times == 1 for times in sent.values()),
        doubled=sum(times > 1 for times in sent.values()),
        lost=WEEKS - succeeded,
        stall=longest_stall(watch.samples, injected.began or injected.over),
        done_after=max(done_after, 0),
        back_after=back_after,
        has_happened=has_happened,
    )
    say(f"  {outcome.row()}")
    return outcome


def _inject(
    deployment: Deployment, fault: Callable[[Deployment], Injected]
) -> tuple[Injected, bool]:
    """Let a fault happen, and say whether it did. The others are tried in any case."""
    try:
        return fault(deployment), True
    except (Timeout, subprocess.SubprocessError, OSError) as err:
        say(f"  the fault did not happen: {type(err).__name__}: {err}")
        return Injected(over=time.time()), False


def _backfill(deployment: Deployment) -> Outcome:
    """Backfill a schedule with Airflow's own command."""
    say("backfill")
    deployment.insert_workflow("backfilled")
    ((dag_id,),) = deployment.application(SCHEDULE)
    known = f"SELECT count(*) FROM dag WHERE dag_id = '{dag_id}'"
    wait_until("the DAG", lambda: int(deployment.airflow(known)[0][0]) == 1)
    began = time.time()
    first, last = BACKFILL
    with Watch(deployment) as watch:
        deployment.engine.run(
            *("exec", deployment.container("scheduler"), "airflow", "backfill", "create"),
            *("--dag-id", dag_id, "--from-date", first, "--to-date", last),
        )
        runs = f"SELECT count(*) FROM dag_run WHERE dag_id = '{dag_id}' AND run_type = 'backfill'"
        days = int(deployment.airflow(runs)[0][0])
        ended = f"{runs} AND state IN ('success', 'failed')"
        wait_until("all days", lambda: int(deployment.airflow(ended)[0][0]) == days, END_SECONDS)
    sent = _sent(deployment, "backfilled")
    succeeded = _count(
        deployment,
        "SELECT count(*) FROM schedule_runs"
        " WHERE status = 'SUCCESS' AND dag_run_id LIKE 'backfill%'",
    )
    return Outcome(
        fault="none, five days backfilled",
        windows=days,
        once=sum(times == 1 for times in sent.values()),
        doubled=sum(times > 1 for times in sent.values()),
        lost=days - succeeded,
        stall=longest_stall(watch.samples, began),
        done_after=time.time() - began,
        back_after=None,
    )


def _count(deployment: Deployment, statement: str) -> int:
    return int(deployment.application(statement)[0][0])


def _sent(deployment: Deployment, name: str) -> Counter[object]:
    """Return how often Amazon was sent each window of a fault's collection."""
    return Counter(
        one["timeWindowStart"]
        for one in deployment.amazon("GET", "/executions")["executions"]
        if f"'{name}'" in str(one["sqlQuery"])
    )


def _back_after(deployment: Deployment, name: str, injected: Injected) -> float:
    """Return when the hosts of a fault worked again, the last of them. Infinite if one never did.

    Hosts without a task of the collection get one of another, so that each has to show itself.
    """
    try:
        if injected.heartbeats:
            return max(
                _first_heartbeat(deployment, host, injected.over) for host in injected.heartbeats
            )
        hosts = injected.hosts or ("",)
        for number in range(3):
            begun = [_first_task(deployment, host, injected.over) for host in hosts]
            if None not in begun:
                return max(one for one in begun if one is not None)
            further = f"{name} {number}"
            deployment.register(further, WEEKS)
            wait_until("further weeks", lambda further=further: _is_over(deployment, further))
    except Timeout as err:
        say(f"  not back: {err}")
    return math.inf


def _first_heartbeat(deployment: Deployment, host: str, since: float) -> float:
    """Wait for a host's heartbeat after a fault, and return when it was seen.

    :raises Timeout: none came.
    """
    beats = f"""
        SELECT count(*) FROM job
        WHERE hostname = '{host}' AND latest_heartbeat > to_timestamp({since})
    """
    wait_until(f"a heartbeat of {host}", lambda: int(deployment.airflow(beats)[0][0]) > 0)
    return time.time() - since


def _first_task(deployment: Deployment, host: str, since: float) -> float | None:
    on_host = f" AND hostname = '{host}'" if host else ""
    (row,) = deployment.airflow(
        f"SELECT extract(epoch FROM min(start_date)) - {since} FROM task_instance"
        f" WHERE start_date >= to_timestamp({since}){on_host}"
    )
    return float(row[0]) if row and row[0] else None


def _is_over(deployment: Deployment, name: str) -> bool:
    return not _count(
        deployment,
        "SELECT count(*) FILTER (WHERE status <> 'COMPLETED') FROM report_data_collections"
        f" WHERE name = '{name}'",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
