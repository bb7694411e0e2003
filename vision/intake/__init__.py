"""What callers can do with jobs: submit, cancel, pause, resume, retry, delete. Commit first, then notify."""

from vision.intake.context import IntakeContext
from vision.intake.control import cancel, delete, pause, resume, retry
from vision.intake.order import Order
from vision.intake.plan import plan
from vision.intake.submit import Receipt, Replay, submit

__all__ = [
    "IntakeContext",
    "Order",
    "Receipt",
    "Replay",
    "cancel",
    "delete",
    "pause",
    "plan",
    "resume",
    "retry",
    "submit",
]
