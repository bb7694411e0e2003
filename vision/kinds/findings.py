"""Turns a reply into an item's answer, or into an error code and a message."""

import logging
from typing import NamedTuple

from vision.errors import ItemError
from vision.kinds.kind import Kind
from vision.kinds.question import Question
from vision.kinds.reply import Ending, Reply

log = logging.getLogger(__name__)


class Finding(NamedTuple):
    """`answer` as JSON; or `code` and `message`."""

    answer: object = None
    code: str | None = None
    message: str | None = None


def find(kind: Kind, reply: Reply, question: Question) -> Finding:
    """Never raises: the reply is paid for, and another call would cost again."""
    match reply.ending:
        case Ending.ANSWERED:
            return _answer(kind, reply, question)
        case Ending.REFUSED:
            return Finding(None, "refused", f"The model refused: {reply.text[:300]}")
        case Ending.CONTENT_FILTERED:
            named = f" Categories: {', '.join(reply.filtered)}." if reply.filtered else ""
            return Finding(None, "content_filtered", f"The provider's content filter stopped the answer.{named}")
        case Ending.OUTPUT_TRUNCATED:
            message = f"The answer did not fit into {question.max_output_tokens} tokens. Raise max_output_tokens."
            return Finding(None, "output_truncated", message)


def _answer(kind: Kind, reply: Reply, question: Question) -> Finding:
    try:
        return Finding(kind.answer(reply, question))
    except ItemError as error:
        return Finding(None, error.code, error.message)
    except Exception:
        log.exception("An answer could not be read.")
        return Finding(None, "output_invalid", "Tessera could not read the answer; its log says why.")
