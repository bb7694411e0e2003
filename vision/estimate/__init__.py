"""What a manifest will take in tokens, dollars and time, in every way of sending it: sums, samples, intervals.

Pure arithmetic over sizes; reading manifests and measuring images is `vision.intake`'s. numpy is loaded at first use.
"""

from vision.estimate.extrapolation import CONFIDENCE, Extrapolation, student
from vision.estimate.figures import Figures, Terms, figures, usage_of
from vision.estimate.sums import Sums
from vision.estimate.ways import Way, Ways

__all__ = [
    "CONFIDENCE",
    "Extrapolation",
    "Figures",
    "Sums",
    "Terms",
    "Way",
    "Ways",
    "figures",
    "student",
    "usage_of",
]
