"""Ask Amazon about the products that users follow, every day, as an Airflow DAG."""

from __future__ import annotations

from datetime import timedelta

from recomamp.pipeline.asins.operator import SyncAsins
from recomamp.pipeline.system_dag import AFTER_RUNS, system_dag

with system_dag(
    "recomamp_asins_sync",
    description="Brings what Amazon says of products into asins",
    doc_md=(
        "Asks Amazon about the active rows of `asins`, in their owners' names, 300 at a time.\n\n"
        "- **written** `title`, `brand`, `category`, `image_url`, `price`, `price_currency`, "
        "`sales_rank`, `profile_id`, `validation_status`, `validation_checked_at`, "
        "`last_validated_at`; what Amazon leaves out stays as it was\n"
        "- **never written** `review_count`, `average_rating`, `parent_asin`, `variation_theme`, "
        "`dimensions`, `weight`, `tags`, `notes`, `is_active`: no call gives them\n"
        "- **NOT_FOUND** none of the owner's profiles knows the ASIN. Amazon tells products to "
        "their sellers only, so it may exist all the same\n\n"
        "A failed run names the users whose products were not all asked about; a retry, or the "
        "next run, asks about those."
    ),
    schedule="@daily",
    priority_weight=AFTER_RUNS,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=5)},
):
    SyncAsins(task_id="sync_asins", execution_timeout=timedelta(hours=2))
