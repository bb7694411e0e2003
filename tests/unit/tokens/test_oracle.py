"""Against a second implementation, which shares no code: what the fake provider charges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import charges
from vision.errors import ImageError
from vision.tokens import count_image, details

NAMES = sorted(charges.RULES)
ways = st.sampled_from([(name, detail) for name in NAMES for detail in details(name)])
sides = st.one_of(st.integers(1, 9000), st.integers(1, 300), st.integers(1, 200_000))


@given(ways, sides, sides)
def test_every_charge_is_the_one_that_was_counted(way: tuple[str, str], width: int, height: int) -> None:
    try:
        counted = count_image(*way, width, height).tokens
    except ImageError:
        with pytest.raises(charges.TooManyPatches):
            charges.image_tokens(*way, width, height)
    else:
        assert charges.image_tokens(*way, width, height) == counted


@pytest.mark.parametrize("name", NAMES)
def test_both_know_the_same_details(name: str) -> None:
    for detail in ("auto", "low", "high", "original"):
        if detail not in details(name):
            with pytest.raises(charges.UnsupportedDetail):
                charges.image_tokens(name, detail, 64, 64)
        else:
            assert charges.image_tokens(name, detail, 64, 64) == count_image(name, detail, 64, 64).tokens
