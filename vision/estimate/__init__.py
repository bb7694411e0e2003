"""Estimates tokens, dollars and time of a job, without running it.

`arithmetic` is the calculation over sizes alone; the rest reads manifests and measures a sample of their images.
"""

from vision.estimate.estimator import Estimate, Estimator
from vision.estimate.offers import EstimateRequest

__all__ = ["Estimate", "EstimateRequest", "Estimator"]
