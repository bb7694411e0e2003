"""Figures of a job that follow from its columns and leases."""

from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from vision.jobs.reports.job_figures import RequestCounts, TokensByKind
from vision.jobs.reports.job_report import FIELDS, JobReport
from vision.jobs.reports.remaining_work import remaining_work

NOW = datetime(2026, 11, 26, tzinfo=UTC)


def report(**changes: Any) -> JobReport:
    """A running job of 10 items, 4 measured, 2 done."""
    columns: dict[str, Any] = dict.fromkeys(FIELDS, 0)
    columns |= {"id": UUID(int=1), "tenant_id": "default", "status": "running", "status_code": "working"}
    columns |= {"total": 10, "succeeded": 2, "measured": 4, "estimated_tokens": 4_000, "in_flight": 3, "weight": 1}
    columns |= {"estimated_cost": Decimal("0.00040001"), "spent": Decimal("0.0002"), "waiting_since": None}
    columns |= {"expected_prompt_tokens": None, "prompt_tokens": 100, "expected_output_tokens": 50, "created_at": NOW}
    return JobReport.of(columns | changes)


def test_counts_of_a_running_job_sum_to_its_total() -> None:
    assert report().counts == RequestCounts(10, 5, 3, 2, 0, 0, 0)
    assert report(in_flight=50).counts == RequestCounts(10, 0, 8, 2, 0, 0, 0), "leases may be ahead of the results"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("succeeded", RequestCounts(10, 0, 0, 2, 8, 0, 0)),
        ("failed", RequestCounts(10, 0, 0, 2, 8, 0, 0)),
        ("cancelled", RequestCounts(10, 0, 0, 2, 0, 8, 0)),
        ("expired", RequestCounts(10, 0, 0, 2, 0, 0, 8)),
    ],
)
def test_the_rest_of_a_job_that_is_over_has_its_fate(status: str, expected: RequestCounts) -> None:
    found = report(status=status)
    assert found.counts == expected
    counts = asdict(found.counts)
    assert counts.pop("total") == sum(counts.values())


def test_what_is_estimated_of_the_measured_items_is_told_for_all() -> None:
    assert report().for_all(4_000) == 10_000
    assert report().estimated_cost_of_all == Decimal("0.00100002")
    assert report(measured=0).for_all(0) == 0
    assert report(status="cancelled").for_all(4_000) == 4_000, "nothing more will be measured"


def test_a_comparison_comes_with_the_end() -> None:
    assert report().comparison is None
    columns = {"estimated_input_tokens": 3_000, "estimated_image_tokens": 2_000, "input_tokens": 3_100}
    compared = report(status="succeeded", output_tokens=900, image_tokens=2_050, **columns).comparison
    assert compared is not None
    assert compared.estimated == TokensByKind(3_000, 2_000, 1_000)
    assert compared.actual == TokensByKind(3_100, 2_050, 900)


def test_a_lane_that_is_not_offered_any_more_explains_a_wait() -> None:
    assert report(in_flight=0).code(lane_is_offered=False) == "lane_removed"
    assert report().code(lane_is_offered=False) == "working", "calls are in flight"
    assert report(in_flight=0, status_code="cap_reached").code(lane_is_offered=False) == "cap_reached"
    assert report(in_flight=0).code(lane_is_offered=True) == "working"


def test_work_that_is_left_takes_what_the_measured_items_take() -> None:
    assert (remaining_work(report()).calls, remaining_work(report()).tokens) == (8, 8_000)
    assert remaining_work(report(measured=0)).tokens == 8 * 150
    assert remaining_work(report(measured=0, expected_prompt_tokens=70)).tokens == 8 * 120


def test_a_job_waits_when_it_is_over_paused_or_its_provider_is_away() -> None:
    assert not report().waits
    assert all(
        report(**change).waits for change in ({"status": "failed"}, {"status": "paused"}, {"waiting_since": NOW})
    )
