"""What an image, a prompt and a schema cost in tokens, by the provider's published rules.

>>> count_image(find_rule("openai/gpt-4o-mini"), "high", 1024, 1024).tokens
25501

The rules are data (openai.toml: numbers, dates, sources). Pure arithmetic on integers: no network, no Pillow.
Text is in `vision.tokens.text`, which loads a tokenizer at its first use.
"""

from vision.tokens.count import ImageTokens, count_image, details, fixed_tokens
from vision.tokens.rules import Rule, find_rule, get_rule

__all__ = ["ImageTokens", "Rule", "count_image", "details", "find_rule", "fixed_tokens", "get_rule"]
