"""The tokens of an image for a model and a level of detail, and their form in JSON."""

from typing import Any, NamedTuple

from cli.sources.pictures import Picture
from vision.errors import TesseraError
from vision.tokens import Fit, ImageTokens, count_image, find_rule, get_rule, sent_size


class Count(NamedTuple):
    """The tokens of one image at one level of a model, as it would be sent; or why there are none."""

    picture: Picture
    model: str
    detail: str
    tokens: ImageTokens | None = None
    sent: tuple[int, int] | None = None
    error: TesseraError | None = None


def count(picture: Picture, model: str, detail: str, fit: Fit) -> Count:
    """Count one image; InvalidRequest unknown_model. Other errors are part of the result."""
    rule = find_rule(model)
    if picture.size is None:
        return Count(picture, model, detail, error=picture.error)
    try:
        sent = sent_size(rule, detail, fit, *picture.size)
        return Count(picture, model, detail, count_image(rule, detail, *sent), sent)
    except TesseraError as error:
        return Count(picture, model, detail, error=error)


def levels(model: str) -> list[str]:
    """Every level of detail that a model has; InvalidRequest unknown_model."""
    return [detail for detail in get_rule(model).levels if detail != "auto"]


def as_json(count: Count) -> dict[str, Any]:
    """The object of the contract; `error` in place of the figures where there are none."""
    combination = {**count.picture.facts, "model": count.model, "detail": count.detail}
    if count.tokens is None:
        error = count.error or TesseraError()
        return {**combination, "error": {"code": error.code, "message": error.message}}
    return combination | _counted(count.tokens) | _sent(count) | _doubt(count.tokens)


def _counted(tokens: ImageTokens) -> dict[str, Any]:
    parts = {"patches": tokens.patches, "tiles": tokens.tiles}
    return {
        "tokens": tokens.tokens,
        "resized": [tokens.width, tokens.height],
        **{name: number for name, number in parts.items() if number is not None},
        "rule": tokens.rule,
    }


def _sent(count: Count) -> dict[str, Any]:
    return {} if count.sent in {None, count.picture.size} else {"sent": list(count.sent or ())}


def _doubt(tokens: ImageTokens) -> dict[str, Any]:
    return {} if tokens.confirmed else {"confirmed": False, "note": get_rule(tokens.rule).note}
