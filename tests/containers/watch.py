"""How long runs stood still: what their tasks are, looked at all the time."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from containers.deployment import Deployment

PAUSE_SECONDS = 3
# How long a run may honestly wait at AMC: the emulator's pace, and a few polls
AT_AMC_SECONDS = 45

RUNS = """
SELECT r.dag_id || ' ' || r.run_id,
    string_agg(
        concat_ws(' ', t.task_id, t.try_number, t.state, t.start_date), ',' ORDER BY t.task_id
    ),
    bool_or(t.state = 'deferred')
FROM dag_run AS r JOIN task_instance AS t USING (dag_id, run_id)
WHERE r.dag_id LIKE 'amc%' AND r.state IN ('queued', 'running')
GROUP BY r.dag_id, r.run_id
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """The runs under way at a time: what their tasks are, and whether they wait at AMC."""

    at: float
    runs: Mapping[str, tuple[str, bool]]


def longest_stall(samples: Sequence[Sample], since: float) -> float:
    """Return for how many seconds after a time a run has not changed.

    A change is any new state, try or start of a task. A run that waits at AMC stands still only
    after the time for that is over.
    """
    longest, changed = 0.0, dict[str, tuple[str, float]]()
    for sample in samples:
        for run, (tasks, at_amc) in sample.runs.items():
            before, at = changed.get(run, ("", sample.at))
            began = max(at + (AT_AMC_SECONDS if at_amc else 0), since)
            if before:
                longest = max(longest, sample.at - began)
            if tasks != before:
                changed[run] = (tasks, sample.at)
    return longest


@dataclass
class Watch:
    """Looks at the runs from a thread. Nothing is seen while the database is away."""

    deployment: Deployment
    samples: list[Sample] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Watch:
        threading.Thread(target=self._look, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def _look(self) -> None:
        while not self._ended.wait(PAUSE_SECONDS):
            try:
                rows = self.deployment.airflow(RUNS)
            except (ValueError, subprocess.SubprocessError):
                continue
            runs = {run: (tasks, at_amc == "t") for run, tasks, at_amc in rows}
            self.samples.append(Sample(at=time.time(), runs=runs))
