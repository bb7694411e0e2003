"""The tokens that shrinking an image before it is sent saves."""

from vision.errors import ImageError
from vision.tokens.count import count_image
from vision.tokens.fit import NO_FIT, Fit, count_sent


def count_saving(rule: str, detail: str, fit: Fit, width: int, height: int) -> tuple[int, int]:
    """Tokens of the image as sent, and how many more it would take unshrunk; errors as `count_image`.

    An image that the provider would reject as it is saves nothing by being shrunk: there is no price to compare with.
    """
    sent = count_sent(rule, detail, fit, width, height).tokens
    if fit == NO_FIT:
        return sent, 0
    try:
        return sent, count_image(rule, detail, width, height).tokens - sent
    except ImageError:
        return sent, 0
