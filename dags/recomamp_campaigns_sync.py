"""Sync campaigns and their performance once a day, as an Airflow DAG with a branch per instance."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import TriggerRule, task_group

from recomamp.pipeline.campaigns.operators import (
    ListInstances,
    MarkSynced,
    SyncCampaigns,
    SyncPerformance,
)
from recomamp.pipeline.system_dag import AFTER_RUNS, system_dag

CONCURRENT_GROUPS = 4

with system_dag(
    "recomamp_campaigns_sync",
    description="Reads campaigns and their performance from Amazon Ads",
    doc_md=(
        "Reads the campaigns of every active AMC instance and their performance into `campaigns`."
        "\n\n"
        "- `list_instances` finds the active instances of active users\n"
        "- `campaigns` lists Sponsored Products, Brands and Display of the profiles of an instance "
        "and the DSP campaigns of its advertisers; one that Amazon no longer lists becomes "
        "`ARCHIVED`\n"
        "- `performance` requests reports on the last 30 full days, waits for them without a "
        "worker and sums them into `campaign_reports` and `campaign_performance`\n"
        "- `dated` writes `amc_instances.campaigns_last_sync` when both are done\n\n"
        "An instance that fails stops no other one: each has its own branch. From the thousandth "
        "on, instances share a branch. A task is skipped where the instance's own rows say why: a "
        "withdrawn consent, a refusal, a wrong row. A failed task names what it could not read. "
        "Cleared, it continues with the reports in progress and keeps what it loaded in the last "
        "hour."
    ),
    # When yesterday is over in all of America, where Amazon's days end last
    schedule="0 11 * * *",
    priority_weight=AFTER_RUNS,
    default_args={
        "retries": 4,
        "retry_delay": timedelta(minutes=2),
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": timedelta(minutes=30),
    },
):
    instances = ListInstances(task_id="list_instances")

    @task_group(group_id="instance")
    def sync_instances(instance_keys: list[str]) -> None:
        """Add the branch of one group of instances."""
        group: dict[str, Any] = {
            "instance_keys": instance_keys,
            "max_active_tis_per_dagrun": CONCURRENT_GROUPS,
        }
        campaigns = SyncCampaigns(
            task_id="campaigns", execution_timeout=timedelta(hours=1), **group
        )
        performance = SyncPerformance(
            task_id="performance",
            # Also where a list could not be read: the known campaigns have performance
            trigger_rule=TriggerRule.ALL_DONE,
            execution_timeout=timedelta(hours=8),
            **group,
        )
        dated = MarkSynced(
            task_id="dated",
            instance_keys=instance_keys,
            needed_task_ids=[campaigns.task_id, performance.task_id],
            # It finds out which instances of the group are done, and fails for the others
            trigger_rule=TriggerRule.ALL_DONE,
            retries=0,
        )
        campaigns >> performance
        [campaigns, performance] >> dated

    sync_instances.expand(instance_keys=instances.output)
