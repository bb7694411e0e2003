"""What a caller may do to jobs: submit one, cancel, pause, resume, retry. The record first, then the bell."""

from vision.intake.control import cancel, pause, resume, retry
from vision.intake.desk import Desk
from vision.intake.order import Order
from vision.intake.submit import Receipt, Replay, submit

__all__ = ["Desk", "Order", "Receipt", "Replay", "cancel", "pause", "resume", "retry", "submit"]
