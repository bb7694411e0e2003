"""The work that is left in a job."""

from dataclasses import dataclass
from uuid import UUID

from vision.jobs.reports.fair_share import Work
from vision.jobs.reports.job_report import JobReport


@dataclass(frozen=True)
class OpenJob:
    """The columns that tell how much work is left in a job."""

    id: UUID
    priority: int
    weight: int
    total: int
    succeeded: int
    failed: int
    measured: int
    estimated_tokens: int
    prompt_tokens: int
    expected_prompt_tokens: int | None
    expected_output_tokens: int


def remaining_work(job: JobReport | OpenJob) -> Work:
    """Remaining calls and tokens. Unmeasured items count as the measured ones on average; without any, as text only."""
    rest = job.total - job.succeeded - job.failed
    text = (job.expected_prompt_tokens or job.prompt_tokens) + job.expected_output_tokens
    each = job.estimated_tokens / job.measured if job.measured else text
    return Work(job.priority, job.weight, rest, rest * each)
