"""Text tokens, counted offline with the vocabulary o200k_base (gpt-4o and every later OpenAI model).

How many tokens a call adds around its text is not published for the current models. The latest published figures:
- a message is <|start|>role<|message|>...<|end|>, 4 tokens beside its text, and the answer is primed with 3 more
  (OpenAI cookbook, "How to count tokens with tiktoken", the figures for gpt-4o);
- a schema ends the message of instructions, under "# Response Formats" and "## name", as compact JSON
  (OpenAI cookbook, "OpenAI harmony response format", section Structured output).
One live image call in 2026 had about 33 tokens beside the image; the worker settles by the `usage` of the answer.
"""

import json
from functools import cache
from typing import Any

MESSAGE = 4
PRIMING = 3
SCHEMA_HEADING = "\n\n# Response Formats\n\n## answer\n\n"


def count(text: str) -> int:
    """Tokens of a text; what looks like a special token counts as the plain text that it is."""
    # A lone surrogate is valid in JSON and has no UTF-8; it counts as one odd character.
    readable = text.encode("utf-8", "replace").decode("utf-8")
    return len(_tokenizer().encode_ordinary(readable))


def call_tokens(prompt: str, schema: dict[str, Any] | None) -> int:
    """Input tokens of a call without its images: a message of instructions, one of images, the schema if any."""
    instructions = prompt
    if schema is not None:
        instructions += SCHEMA_HEADING + json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    return MESSAGE + count(instructions) + MESSAGE + PRIMING


@cache
def _tokenizer() -> Any:
    from splintr import Tokenizer  # noqa: PLC0415 - 19 MB of vocabulary that counting images does not need

    return Tokenizer.from_pretrained("o200k_base")
