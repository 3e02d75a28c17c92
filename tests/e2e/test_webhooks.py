"""Events reach an analyst's webhook and Slack through a real scheduler, and survive an error."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from fixtures.postgres import Row
from fixtures.running_stack import Pipeline, add_instance, analyst_login, fetch_rows
from fixtures.webhooks import IsGenuine, WebhookServer

pytestmark = pytest.mark.stack

SECRET = "a long random text of hers"
HOOK, SLACK = "/hook-of-nina", "/slack-of-nina"
TICK = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
KINDS = ["SCHEDULE_RUN_FAILED", "WINDOW_LATE"]

INSERT_CHANNELS = """
INSERT INTO notification_channels (user_id, kind, url, secret)
VALUES (current_user_id(), 'WEBHOOK', %s, %s), (current_user_id(), 'SLACK', %s, NULL)
"""
SELECT_DELIVERIES = """
SELECT channel.kind, event.kind AS event, delivery.status, delivery.attempts, delivery.last_error
FROM channel_deliveries AS delivery
JOIN notification_channels AS channel ON channel.id = delivery.channel_id
JOIN notifications AS event ON event.id = delivery.notification_id
"""


def send(pipeline: Pipeline) -> None:
    run_id = pipeline.trigger("recomamp_webhooks")
    assert pipeline.wait_for_run("recomamp_webhooks", run_id) == "success"


def test_a_failed_run_and_a_late_window_are_posted_until_the_server_takes_them(
    pipeline: Pipeline, stack_webhook_server: WebhookServer, is_genuine: IsGenuine
) -> None:
    """Its last tick was two hours ago: the run starts, fails, and its window is late."""
    server = stack_webhook_server
    owner = add_instance(pipeline, "north")
    with analyst_login(pipeline, owner) as nina:
        urls = server.url_of(HOOK), SECRET, server.url_of(SLACK)
        fetch_rows(nina, INSERT_CHANNELS, urls)
        server.fails_once = True
        workflow = pipeline.rows.workflow(
            instance=owner, sql_query="SELECT nonsense FROM dsp_impressions"
        )
        schedule = pipeline.rows.schedule(
            workflow=workflow,
            name="Refused & late",
            cron_expression=f"0 {TICK.hour} * * *",
            created_at=TICK - timedelta(minutes=30),
            late_after="1 hour",
        )

        def deliveries(status: str) -> list[Row]:
            found = fetch_rows(nina, SELECT_DELIVERIES)
            return [row for row in found if row["status"] == status]

        pipeline.trigger("recomamp_notifications")  # judges late windows, as the follower does
        pipeline.until(lambda: len(fetch_rows(nina, SELECT_DELIVERIES)) == 4, "four deliveries")
        send(pipeline)
        assert {row["last_error"] for row in deliveries("PENDING")} == {"the server answers 500"}
        pipeline.database.query(  # the minute until the next try is over
            "UPDATE channel_deliveries SET next_try_at = now() WHERE status = 'PENDING'"
        )
        send(pipeline)
        taken = deliveries("SENT")
        assert sorted((row["kind"], row["event"]) for row in taken) == sorted(
            (kind, event) for kind in ("SLACK", "WEBHOOK") for event in KINDS
        )
        assert {(row["attempts"], row["last_error"]) for row in taken} == {(2, None)}

    posts = server.received_at(HOOK)
    assert len(posts) == 4
    assert all(is_genuine(one.headers, one.body, SECRET) for one in posts)
    assert not is_genuine(posts[0].headers, posts[0].body + b" ", SECRET)
    events = {event["id"]: event for event in (json.loads(one.body) for one in posts)}
    assert sorted(event["kind"] for event in events.values()) == KINDS
    for event in events.values():
        assert event.keys() == {"id", "kind", "happened_at", "details"}
        assert event["details"]["name"] == schedule["name"]
    texts = [json.loads(one.body)["text"] for one in server.received_at(SLACK)]
    assert sorted({text.splitlines()[0] for text in texts}) == [
        "Failed: Refused &amp; late",
        "Late: Refused &amp; late",
    ]
    assert any("nonsense" in text for text in texts)
