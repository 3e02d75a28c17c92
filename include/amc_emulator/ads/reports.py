"""Handlers of campaign reports: requested, generated after a while, downloaded as gzip JSON."""

from __future__ import annotations

import gzip
import json
import uuid
from datetime import timedelta
from typing import Any

from fastapi import Request, Response

from amc_emulator.ads.authorization import (
    authorized_advertiser,
    authorized_profile,
    detail_error,
    error_format,
)
from amc_emulator.ads.campaigns import Product
from amc_emulator.ads.report import Report, report_rows
from amc_emulator.ads.report_types import REPORT_TYPES, ReportType
from amc_emulator.ads.report_types import check as check_request
from amc_emulator.clock import format_time_ms
from amc_emulator.emulator import Emulator
from amc_emulator.faults import active_fault
from amc_emulator.responses import JSON, RequestRejected, json_response

LINK_LIFETIME_SECONDS = 3600


class Reports:
    """The handlers, and the reports."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    @error_format(detail_error)
    async def create(self, request: Request) -> Response:
        """Create a report. A request that repeats an unfinished one is answered with 425."""
        body = await _body(request)
        kind = REPORT_TYPES.get((body.get("configuration") or {}).get("reportTypeId", ""))
        if kind is None:
            raise RequestRejected(400, "configuration reportTypeId is invalid")
        owner = self._owner(request, kind)
        now = self.emulator.clock.now()
        check_request(kind, body, now.date())
        for one in self.emulator.reports.values():
            if one.owner == owner and one.request == body and one.completed_at is None:
                raise RequestRejected(425, f"The Request is a duplicate of : {one.report_id}")
        fault = active_fault(request, "fail_report")
        report = Report(
            report_id=str(uuid.uuid4()),
            owner=owner,
            kind=kind,
            request=body,
            created_at=now,
            failure=(fault.reason or "Internal error") if fault else None,
        )
        self.emulator.reports[report.report_id] = report
        return json_response(self._view(report, request), media_type=JSON)

    @error_format(detail_error)
    async def get(self, request: Request) -> Response:
        """Return the status of a report, with a fresh link once it is complete."""
        report = self.emulator.reports.get(str(request.path_params["report_id"]))
        if report is None or self._owner(request, report.kind) != report.owner:
            raise RequestRejected(404, "Report not found")
        report.poll(self.emulator.machine.progression, self.emulator.clock.now())
        return json_response(self._view(report, request), media_type=JSON)

    def _owner(self, request: Request, kind: ReportType) -> str:
        if kind.product is Product.DSP:
            return authorized_advertiser(self.emulator, request).advertiser_id
        return str(authorized_profile(self.emulator, request).profile_id)

    def _view(self, report: Report, request: Request) -> dict[str, Any]:
        status = self._status(report)
        view = {
            "reportId": report.report_id,
            "name": report.request.get("name"),
            "status": status,
            "startDate": report.request["startDate"],
            "endDate": report.request["endDate"],
            "configuration": {"filters": None, **report.request["configuration"]},
            "createdAt": format_time_ms(report.created_at),
            "updatedAt": format_time_ms(self.emulator.clock.now()),
            "generatedAt": None,
            "fileSize": None,
            "url": None,
            "urlExpiresAt": None,
            "failureReason": report.failure if status == "FAILED" else None,
        }
        return {**view, **self._link(report, request)} if status == "COMPLETED" else view

    def _status(self, report: Report) -> str:
        if report.completed_at is not None:
            return "FAILED" if report.failure else "COMPLETED"
        progression, now = self.emulator.machine.progression, self.emulator.clock.now()
        return "PROCESSING" if report.polls and report.progress(progression, now) > 0 else "PENDING"

    def _link(self, report: Report, request: Request) -> dict[str, Any]:
        now = self.emulator.clock.now()
        expires_at = now + timedelta(seconds=LINK_LIFETIME_SECONDS)
        url = self.emulator.links.sign(
            f"{request.url.scheme}://{request.url.netloc}",
            f"reports/{report.report_id}/report.json.gz",
            now=now,
            lifetime_seconds=LINK_LIFETIME_SECONDS,
        )
        return {
            "generatedAt": format_time_ms(report.completed_at or now),
            "fileSize": len(self.content(report.report_id) or b""),
            "url": url,
            "urlExpiresAt": format_time_ms(expires_at),
        }

    def content(self, report_id: str) -> bytes | None:
        """Return a report's file, generated at its first use. Return None for an unknown report."""
        report = self.emulator.reports.get(report_id)
        if report is None:
            return None
        if report.content is None:
            rows = list(report_rows(self.emulator.campaign_store, report))
            report.content = gzip.compress(json.dumps(rows).encode(), mtime=0)
        return report.content


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError as err:
        raise RequestRejected(400, "Request body is not valid JSON") from err
    if not isinstance(body, dict):
        raise RequestRejected(400, "Request body must be an object")
    return body
