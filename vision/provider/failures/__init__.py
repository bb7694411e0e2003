"""What follows from a provider's error."""

from vision.provider.failures.failure import Failure, Then, Trouble
from vision.provider.failures.table import classify, classify_failed

__all__ = ["Failure", "Then", "Trouble", "classify", "classify_failed"]
