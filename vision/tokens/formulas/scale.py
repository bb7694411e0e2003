"""Scaling an image down, in whole pixels and in integers only. Nothing here enlarges."""


def within(width: int, height: int, side: int) -> tuple[int, int]:
    """The size of a `width` x `height` image fitted into a square of `side` pixels.

    The short side is rounded to the nearest pixel, halves up, and is 1 at least. The guide says "rounding to integer
    pixels" and leaves open how; another rounding moves about 1.5 % of sizes across a patch line.
    """
    long = max(width, height)
    if long <= side:
        return width, height
    return _scaled(width, side, long), _scaled(height, side, long)


def _scaled(length: int, numerator: int, denominator: int) -> int:
    return max(1, (2 * length * numerator + denominator) // (2 * denominator))
