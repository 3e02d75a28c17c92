"""Example: two DAGs that run when results of an AMC workflow are loaded.

Copy the file into your DAGs folder and write the id of your workflow. docs/how-to/read-results.md
explains it. The query of the example returns the columns campaign and impressions.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Asset, PartitionedAssetTimetable, dag, task

WORKFLOW_ID = "00000000-0000-4000-8000-000000000001"  # SELECT id, name FROM workflows

# By their names: the pipeline's own DAGs define the rest of them
RESULTS = Asset.ref(name=f"amc_workflow_{WORKFLOW_ID}")
WINDOWS = Asset.ref(name=f"amc_workflow_{WORKFLOW_ID}_windows")


@dag(schedule=[RESULTS], catchup=False, is_paused_upon_creation=False)
def report_on_all_windows() -> None:
    """Run after new results. One run may follow several loads."""

    @task
    def report() -> dict[str, Any]:
        from recomamp import results  # here, and not while Airflow parses the file

        frame = results.current(WORKFLOW_ID, columns=["impressions"])
        return {
            "windows": len(results.windows(WORKFLOW_ID)),
            "impressions": int(frame["impressions"].sum()),
        }

    report()


@dag(
    schedule=PartitionedAssetTimetable(assets=WINDOWS),
    catchup=False,
    is_paused_upon_creation=False,
)
def report_on_one_window() -> None:
    """Run once for each window. The key of the run names it."""

    @task
    def report(partition_key: str | None = None) -> dict[str, Any]:
        from recomamp import results

        frame = results.current(WORKFLOW_ID, key=partition_key, columns=["campaign", "impressions"])
        by_campaign = frame.groupby("campaign")["impressions"].sum()
        return {
            "window": partition_key,
            "campaigns": len(by_campaign),
            "impressions": int(by_campaign.sum()),
        }

    report()


report_on_all_windows()
report_on_one_window()
