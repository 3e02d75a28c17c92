"""The paid tables and those of the ad server describe the same people, ads and products."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from amc_emulator.engine import Engine
from amc_emulator.engine.catalogue import load_catalogue
from fixtures.engine_runs import EUROPE, MONDAY, NORTH, WEEK, make_query, records, run, values

DSP_IDS = "SELECT DISTINCT request_tag FROM dsp_impressions"


def count(sql: str) -> int:
    return int(values(f"SELECT COUNT(*) AS n FROM {sql}")[0][0])


def test_exposed_conversions_are_those_of_conversions() -> None:
    exposed = "conversions_all WHERE exposure_type = 'ad-exposed'"
    [(every, found, same_sales)] = values(
        "SELECT COUNT(*) AS n, COUNT(c.conversion_id) AS found,"
        " SUM(CASE WHEN a.total_product_sales = c.total_product_sales THEN 1 ELSE 0 END) AS s"
        f" FROM (SELECT conversion_id, total_product_sales FROM {exposed}) AS a"
        " LEFT JOIN conversions AS c ON a.conversion_id = c.conversion_id"
    )
    assert every == found == same_sales == count("conversions")


def test_users_whom_no_ads_reached_convert_too() -> None:
    others = "SELECT user_id FROM conversions_all WHERE exposure_type = 'non-ad-exposed'"
    assert count(f"({others})") > 100
    for table in ("dsp_impressions", "sponsored_ads_traffic", "conversions"):
        reached = f"SELECT user_id FROM {table} WHERE user_id IS NOT NULL"
        assert values(f"SELECT COUNT(*) AS n FROM ({others}) WHERE user_id IN ({reached})") == []


def test_off_amazon_conversions_and_subscriptions_exist() -> None:
    rows = {
        row["event_subtype"]: row
        for row in records(
            run(
                "SELECT event_subtype, event_category, conversion_event_source_name,"
                " COUNT(*) AS n, COUNT(tracked_asin) AS asins, SUM(off_amazon_product_sales) AS o,"
                " SUM(combined_sales) AS c, SUM(total_product_sales) AS t"
                " FROM conversions GROUP BY 1, 2, 3"
            )
        )
    }
    assert {"snsSubscription", "wishList", "searchConversion", "brandStorePageView"} <= set(rows)
    assert rows["134"]["event_category"] == rows["140"]["event_category"] == "off-Amazon"
    assert rows["140"]["o"] > 0
    assert rows["140"]["conversion_event_source_name"] == "Conversions API"
    assert rows["order"]["conversion_event_source_name"] is None
    assert rows["order"]["asins"] == rows["order"]["n"]
    assert rows["detailPageView"]["asins"] == 0
    assert all(row["c"] == row["o"] + row["t"] for row in rows.values())


def test_retail_purchases_are_all_orders_with_their_price() -> None:
    [(units, sales)] = values(
        "SELECT SUM(purchase_units_sold) AS u, SUM(purchase_units_sold * unit_price) AS s"
        " FROM amazon_retail_purchases"
    )
    assert [(units, sales)] == values(
        "SELECT SUM(total_units_sold) AS u, SUM(total_product_sales) AS s FROM conversions_all"
    )


def test_segments_of_impressions_are_those_of_the_user() -> None:
    [(user, matched)] = values(
        "SELECT COUNT(*) AS n, SUM(behavior_segment_matched) AS m"
        " FROM dsp_impressions_by_user_segments"
    )
    assert user > matched == count("dsp_impressions_by_matched_segments")
    [(impressions, members)] = values(
        "SELECT COUNT(*) AS n, COUNT(s.user_id) AS m FROM dsp_impressions_by_user_segments AS i"
        " LEFT JOIN audience_segments_amer_lifestyle AS s"
        " ON i.user_id = s.user_id AND i.behavior_segment_id = s.segment_id"
        " WHERE i.behavior_segment_name LIKE 'LS%' AND i.user_id IS NOT NULL"
    )
    assert impressions == members
    named = values(
        "SELECT m.segment_name, m.category_level_1, COUNT(DISTINCT s.user_id) AS u"
        " FROM audience_segments_amer_inmarket AS s JOIN segment_metadata AS m"
        " ON s.segment_id = m.segment_id AND s.segment_marketplace_id = m.segment_marketplace_id"
        " GROUP BY 1, 2"
    )
    assert {row[1] for row in named} == {"In-market"}
    assert len(named) == 4


def test_a_snapshot_is_of_the_first_thursday_of_a_month() -> None:
    rows = values(
        "SELECT snapshot_datetime, COUNT(DISTINCT user_id) AS u"
        " FROM audience_segments_amer_inmarket_snapshot GROUP BY 1",
        time_window_start=datetime(2025, 1, 1, tzinfo=UTC),
        time_window_end=datetime(2025, 4, 1, tzinfo=UTC),
    )
    assert [str(row[0]) for row in rows] == ["2025-01-02", "2025-02-06", "2025-03-06"]
    [(now, members)] = values(
        "SELECT snapshot_datetime, COUNT(DISTINCT user_id) AS u"
        " FROM audience_segments_amer_inmarket GROUP BY 1"
    )
    assert now == (MONDAY + WEEK).date()
    assert all(row[1] < members for row in rows)


@pytest.mark.parametrize("table", ["amazon_your_garage", "segment_metadata"])
def test_no_window_applies_to_a_dimension(table: str) -> None:
    later = {"time_window_start": MONDAY + 9 * WEEK, "time_window_end": MONDAY + 10 * WEEK}
    sql = f"SELECT COUNT(*) AS n FROM {table}"
    assert values(sql) == values(sql, **later) != []
    extended = f"SELECT COUNT(*) AS n FROM TABLE(EXTEND_TIME_WINDOW('{table}', 'P9D', 'P0D'))"
    assert values(extended) == values(sql)


def test_video_events_get_rarer_as_the_video_goes_on() -> None:
    [counts] = values(
        "SELECT SUM(video_impression) AS a, SUM(video_start) AS b, SUM(video_first_quartile) AS c,"
        " SUM(video_midpoint) AS d, SUM(video_third_quartile) AS e, SUM(video_complete) AS f,"
        " SUM(impressions) AS i FROM dsp_video_events_feed"
    )
    assert list(counts[:6]) == sorted(counts[:6], reverse=True)
    [(videos, cost)] = values(
        "SELECT SUM(impressions) AS i, SUM(total_cost) AS c FROM dsp_impressions"
        " WHERE creative_category = 'Video'"
    )
    assert counts[0] == counts[6] == videos
    assert values("SELECT SUM(total_cost) AS c FROM dsp_video_events_feed") == [(cost,)]


def test_a_visit_of_the_store_follows_a_click_on_a_sponsored_brands_ad() -> None:
    pages = "amazon_brand_store_page_views"
    [(visits, ads)] = values(
        "SELECT COUNT(DISTINCT visit_id) AS v, COUNT(DISTINCT t.event_id) AS e FROM"
        f" (SELECT visit_id, user_id, reference_id FROM {pages} WHERE ingress_type = '4') AS v"
        " LEFT JOIN (SELECT user_id, event_id, campaign_id_string FROM sponsored_ads_traffic"
        " WHERE clicks = 1 AND ad_product_type = 'sponsored_brands') AS t"
        " ON v.user_id = t.user_id AND v.reference_id = t.campaign_id_string"
    )
    assert visits > 10
    assert ads > 0.9 * visits  # some clicks have no user
    [(events, clicks)] = values(
        "SELECT COUNT(*) AS n, SUM(CASE WHEN event_type = 'Click' THEN 1 ELSE 0 END) AS c"
        " FROM amazon_brand_store_engagement_events WHERE visit_id IN"
        f" (SELECT visit_id FROM {pages})"
    )
    assert events == count("amazon_brand_store_engagement_events")
    assert 0 < clicks < events
    common = f"SELECT visit_id FROM {pages}_non_endemic"
    assert values(f"SELECT COUNT(*) AS n FROM {pages} WHERE visit_id IN ({common})") == []


def test_the_ad_server_counts_the_impressions_of_the_dsp() -> None:
    [(impressions, found)] = values(
        "SELECT SUM(a.impressions) AS i, COUNT(d.request_tag) AS d FROM adserver_traffic AS a"
        f" LEFT JOIN ({DSP_IDS}) AS d ON a.request_tag = d.request_tag"
        " WHERE a.campaign_type = 'display'"
    )
    assert impressions == found == count("dsp_impressions")
    assert count("adserver_traffic WHERE search_clicks = 1") > 50
    off_amazon = count("conversions WHERE event_category = 'off-Amazon'")
    assert count("adserver_conversions") == off_amazon
    assert 0 < count("adserver_conversions_with_relevance") < off_amazon


@pytest.mark.parametrize(
    "table",
    [
        "amazon_your_garage",
        "amazon_pvc_enrollments",
        "amazon_pvc_streaming_events_feed",
        "experian_vehicle_purchases",
        "ncs_cpg_insights_stream",
    ],
)
def test_people_of_other_datasets_are_those_who_convert(table: str) -> None:
    wide = {"time_window_start": MONDAY - 4 * WEEK, "time_window_end": MONDAY + 4 * WEEK}
    [(users, known)] = values(
        "SELECT COUNT(DISTINCT t.user_id) AS u, COUNT(DISTINCT c.user_id) AS c"
        f" FROM {table} AS t LEFT JOIN conversions_all AS c ON t.user_id = c.user_id",
        **wide,
    )
    assert users > known > users / 2


def test_a_trial_of_a_channel_comes_before_its_subscription() -> None:
    [(starts, paid)] = values(
        "SELECT COUNT(*) AS n, COUNT(b.pv_subscription_id) AS paid FROM"
        " (SELECT pv_subscription_id, pv_end_date FROM amazon_pvc_enrollments"
        "  WHERE pv_is_plan_start) AS a LEFT JOIN"
        " (SELECT pv_subscription_id, pv_start_date FROM"
        "  TABLE(EXTEND_TIME_WINDOW('amazon_pvc_enrollments', 'P0D', 'P8D'))"
        "  WHERE pv_is_plan_conversion) AS b ON a.pv_subscription_id = b.pv_subscription_id"
        " AND a.pv_end_date = b.pv_start_date"
    )
    assert starts > paid > starts / 2


def test_weeks_of_household_purchases_end_on_saturday() -> None:
    rows = values(
        "SELECT week_end_dt, COUNT(*) AS n FROM ncs_cpg_insights_stream GROUP BY 1",
        time_window_end=MONDAY + 4 * WEEK,
    )
    assert {row[0].isoweekday() for row in rows} == {6}
    assert len(rows) == 4


def test_tables_are_the_same_whatever_was_asked_before() -> None:
    later = {"time_window_start": MONDAY + 9 * WEEK, "time_window_end": MONDAY + 10 * WEEK}
    fresh, used = Engine(users=200), Engine(users=200)
    for name, table in load_catalogue().items():
        if table.view == "attributed":
            continue  # as conversions, but slow
        moment = table.event_time
        span = f", MIN({moment}) AS a, MAX({moment}) AS b" if moment else ""
        sql = f"SELECT COUNT(*) AS n{span} FROM {name}"
        used.run(NORTH, make_query(sql, **later))
        result = fresh.run(NORTH, make_query(sql))
        assert used.run(NORTH, make_query(sql)) == result
        for at in (at for row in result.rows for at in row[1:]):
            assert MONDAY.date() <= getattr(at, "date", lambda at=at: at)() < (MONDAY + WEEK).date()


def test_segments_are_of_the_region_of_the_instance() -> None:
    sql = "SELECT COUNT(*) AS n FROM audience_segments_eu_lifestyle"
    assert run(sql).rows == []
    assert run(sql, EUROPE).rows[0][0] > 100
