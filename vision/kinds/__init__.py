"""Kinds of calls: what one demands, how it is asked for, how its reply is read and counted. Add one in `registry`."""

from vision.kinds.kind import Demand, Kind
from vision.kinds.question import Question
from vision.kinds.registry import KINDS
from vision.kinds.reply import Ending, Failed, Reply

__all__ = ["KINDS", "Demand", "Ending", "Failed", "Kind", "Question", "Reply"]
