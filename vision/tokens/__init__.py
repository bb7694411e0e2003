"""What an image, a prompt and a schema cost in tokens, by the provider's published rules. Usable alone:

>>> rule = find_rule("openai/gpt-4o-mini")
>>> count_image(rule, "high", 1025, 1024).tokens
25501
>>> sent_size("gpt-5.4", "high", Fit("snap"), 1025, 1024), count_sent("gpt-5.4", "high", Fit("snap"), 1025, 1024).tokens
((1024, 1023), 1229)

The rules are data, a file a provider: numbers, dates, sources (openai.toml, anthropic.toml, google.toml). Rules
that a provider has not published in full are marked (`ImageTokens.confirmed`, `Rule.note`); an unknown model is an
error, never a guess. Pure arithmetic, exact: no network, no database, no Pillow, no numpy.

Loaded only when imported:
- `vision.tokens.many`: arrays of sizes at once, with numpy;
- `vision.tokens.text`: prompts and schemas, with an offline tokenizer.
"""

from vision.tokens.count import ImageTokens, count_image, details, fixed_tokens, least_tokens, most_tokens
from vision.tokens.facts import Rule
from vision.tokens.fit import NO_FIT, Fit, count_sent, sent_size
from vision.tokens.rules import find_rule, get_rule

__all__ = [
    "NO_FIT",
    "Fit",
    "ImageTokens",
    "Rule",
    "count_image",
    "count_sent",
    "details",
    "find_rule",
    "fixed_tokens",
    "get_rule",
    "least_tokens",
    "most_tokens",
    "sent_size",
]
