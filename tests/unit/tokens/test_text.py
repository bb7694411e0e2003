"""Text tokens, offline."""

import pytest

from vision.tokens.text import call_tokens, count


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("hello world", 2),
        ("tiktoken is great!", 6),
        ("antidisestablishmentarianism", 6),
        ("2 + 2 = 4", 7),
        ("お誕生日おめでとう", 8),
    ],
)
def test_counts_published_in_the_cookbook(text: str, tokens: int) -> None:
    assert count(text) == tokens


def test_what_looks_like_a_special_token_is_text() -> None:
    assert count("<|endoftext|>") > 1


def test_a_lone_surrogate_is_counted_not_refused() -> None:
    assert count("\ud800") == 1


def test_a_prompt_alone_has_eleven_tokens_around_it() -> None:
    assert call_tokens("hello world", None) == 2 + 11


def test_a_schema_counts_as_compact_json_under_its_heading() -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string", "description": "straße"}}}
    compact = '{"type":"object","properties":{"name":{"type":"string","description":"straße"}}}'
    instructions = "hello world\n\n# Response Formats\n\n## answer\n\n" + compact
    assert call_tokens("hello world", schema) == count(instructions) + 11
