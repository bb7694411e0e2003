"""What a caller may do to jobs: estimate one, submit, cancel, pause, resume, retry. The record first, then the bell."""

from vision.intake.control import cancel, pause, resume, retry
from vision.intake.desk import Desk
from vision.intake.estimate_offers import Ask
from vision.intake.estimates import Estimate, Estimator
from vision.intake.order import Order
from vision.intake.submit import Receipt, Replay, submit

__all__ = [
    "Ask",
    "Desk",
    "Estimate",
    "Estimator",
    "Order",
    "Receipt",
    "Replay",
    "cancel",
    "pause",
    "resume",
    "retry",
    "submit",
]
