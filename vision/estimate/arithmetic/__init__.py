"""Tokens, dollars and time that a manifest needs, for every way of sending it: sums, samples, intervals.

Pure arithmetic over sizes. numpy is loaded at first use.
"""

from vision.estimate.arithmetic.extrapolation import CONFIDENCE, Extrapolation, student
from vision.estimate.arithmetic.figures import Figures, Terms, figures, usage_of
from vision.estimate.arithmetic.sums import Sums
from vision.estimate.arithmetic.ways import Way, Ways

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
