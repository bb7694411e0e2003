"""Kinds of calls: their demand on limits, request, reply, and usage. Add one in `registry`."""

from vision.kinds.kind import Demand, Kind
from vision.kinds.question import Question
from vision.kinds.registry import KINDS
from vision.kinds.reply import Ending, Failed, Reply

__all__ = ["KINDS", "Demand", "Ending", "Failed", "Kind", "Question", "Reply"]
