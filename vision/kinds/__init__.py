"""Kinds of calls: their demand on limits, request, reply, and usage. Add one in `registry`."""

from vision.kinds.dialect import PUBLISHED, Dialect
from vision.kinds.kind import Demand, Kind
from vision.kinds.question import Question
from vision.kinds.registry import KINDS
from vision.kinds.reply import Ending, Failed, Reply

__all__ = ["KINDS", "PUBLISHED", "Demand", "Dialect", "Ending", "Failed", "Kind", "Question", "Reply"]
