"""The tables. Every row carries its tenant; items, results and ledger rows are addressed by (job_id, number)."""

from vision.storage.tables.accounts import ApiKey, Tenant
from vision.storage.tables.dialects import LearnedDialect
from vision.storage.tables.files import File, FileUse
from vision.storage.tables.jobs import IdempotencyKey, Item, Job
from vision.storage.tables.notices import Delivery, DeliveryAttempt, Event
from vision.storage.tables.outcomes import LedgerEntry, Result
from vision.storage.tables.steps import Answer, Step
from vision.storage.tables.table import Table
from vision.storage.tables.work import LaneOutage, Range, Turn

__all__ = [
    "Answer",
    "ApiKey",
    "Delivery",
    "DeliveryAttempt",
    "Event",
    "File",
    "FileUse",
    "IdempotencyKey",
    "Item",
    "Job",
    "LaneOutage",
    "LearnedDialect",
    "LedgerEntry",
    "Range",
    "Result",
    "Step",
    "Table",
    "Tenant",
    "Turn",
]
