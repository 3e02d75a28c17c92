"""Reports on campaigns: asked for, made after a while, given out as compressed JSON."""

from __future__ import annotations

import gzip
import json
import uuid
from datetime import timedelta
from typing import Any

from fastapi import Request, Response

from amc_emulator.ads.dialects import advertiser_of, profile_of, reporting, speaking
from amc_emulator.ads.portfolio import Product
from amc_emulator.ads.report import Report, rows_of
from amc_emulator.ads.report_types import REPORT_TYPES, ReportType
from amc_emulator.ads.report_types import check as check_request
from amc_emulator.answers import JSON, Refused, answer
from amc_emulator.clock import stamp_milliseconds
from amc_emulator.emulator import Emulator
from amc_emulator.faults import injected

LINK_LIFETIME_SECONDS = 3600


class Reports:
    """The handlers, and the reports."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    @speaking(reporting)
    async def create(self, request: Request) -> Response:
        """Take a request; one that is under way already is answered with 425."""
        body = await _body(request)
        kind = REPORT_TYPES.get((body.get("configuration") or {}).get("reportTypeId", ""))
        if kind is None:
            raise Refused(400, "configuration reportTypeId is invalid")
        owner = self._owner(request, kind)
        now = self.emulator.clock.now()
        check_request(kind, body, now.date())
        for one in self.emulator.reports.values():
            if one.owner == owner and one.request == body and one.completed_at is None:
                raise Refused(425, f"The Request is a duplicate of : {one.report_id}")
        fault = injected(request, "fail_report")
        report = Report(
            report_id=str(uuid.uuid4()),
            owner=owner,
            kind=kind,
            request=body,
            created_at=now,
            failure=(fault.reason or "Internal error") if fault else None,
        )
        self.emulator.reports[report.report_id] = report
        return answer(self._view(report, request), media_type=JSON)

    @speaking(reporting)
    async def get(self, request: Request) -> Response:
        """Return how a report gets on; with a fresh link once it is complete."""
        report = self.emulator.reports.get(str(request.path_params["report_id"]))
        if report is None or self._owner(request, report.kind) != report.owner:
            raise Refused(404, "Report not found")
        report.look(self.emulator.machine.progression, self.emulator.clock.now())
        return answer(self._view(report, request), media_type=JSON)

    def _owner(self, request: Request, kind: ReportType) -> str:
        if kind.product is Product.DSP:
            return advertiser_of(self.emulator, request).advertiser_id
        return str(profile_of(self.emulator, request).profile_id)

    def _view(self, report: Report, request: Request) -> dict[str, Any]:
        status = self._status(report)
        view = {
            "reportId": report.report_id,
            "name": report.request.get("name"),
            "status": status,
            "startDate": report.request["startDate"],
            "endDate": report.request["endDate"],
            "configuration": {"filters": None, **report.request["configuration"]},
            "createdAt": stamp_milliseconds(report.created_at),
            "updatedAt": stamp_milliseconds(self.emulator.clock.now()),
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
        pace, now = self.emulator.machine.progression, self.emulator.clock.now()
        return "PROCESSING" if report.looks and report.progress(pace, now) > 0 else "PENDING"

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
            "generatedAt": stamp_milliseconds(report.completed_at or now),
            "fileSize": len(self.content(report.report_id) or b""),
            "url": url,
            "urlExpiresAt": stamp_milliseconds(expires_at),
        }

    def content(self, report_id: str) -> bytes | None:
        """Return a report's file, made when it is first needed; None for an unknown one."""
        report = self.emulator.reports.get(report_id)
        if report is None:
            return None
        if report.content is None:
            rows = list(rows_of(self.emulator.portfolio, report))
            report.content = gzip.compress(json.dumps(rows).encode(), mtime=0)
        return report.content


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError as err:
        raise Refused(400, "Request body is not valid JSON") from err
    if not isinstance(body, dict):
        raise Refused(400, "Request body must be an object")
    return body
