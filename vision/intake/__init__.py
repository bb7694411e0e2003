"""What a caller may do to jobs: estimate one, submit, cancel, pause, resume, retry. Commit first, then notify."""

from vision.intake.context import IntakeContext
from vision.intake.control import cancel, pause, resume, retry
from vision.intake.estimate_offers import EstimateRequest
from vision.intake.estimates import Estimate, Estimator
from vision.intake.order import Order
from vision.intake.submit import Receipt, Replay, submit

__all__ = [
    "Estimate",
    "EstimateRequest",
    "Estimator",
    "IntakeContext",
    "Order",
    "Receipt",
    "Replay",
    "cancel",
    "pause",
    "resume",
    "retry",
    "submit",
]
