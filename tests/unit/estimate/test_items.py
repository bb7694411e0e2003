"""Items that are only estimated: sizes instead of images, and all else as strict as for a job."""

import contextlib
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.errors import Detail, InvalidRequest
from vision.jobs.manifest import ItemSizes, read_item, read_sizes, read_sizes_line

URL = "https://cdn.example.com/a.jpg"


@pytest.mark.parametrize(
    ("item", "images", "sizes"),
    [
        ({"image": URL}, [URL], None),
        ({"image": URL, "width": 800, "height": 600}, [URL], (800, 600)),
        ({"images": [URL], "width": 800, "height": 600}, [URL], (800, 600)),
        ({"images": [URL, URL], "width": 800, "height": 600}, [URL, URL], None),
        ({"width": 800, "height": 600}, [], (800, 600)),
        ({"image": None, "sizes": None, "width": 800, "height": 600}, [], (800, 600)),
        ({"sizes": [[800, 600]]}, [], (800, 600)),
        ({"sizes": [[1, 65_535], [3, 4]]}, [], (1, 65_535, 3, 4)),
        ({"image": URL, "sizes": None}, [URL], None),
        ({"sizes": [[8, 6]], "width": None, "image": None, "custom_id": "a", "metadata": {"b": 1}}, [], (8, 6)),
        ({"sizes": [[1, 2]] * 20}, [], (1, 2) * 20),
    ],
)
def test_what_an_item_may_tell(item: dict[str, Any], images: list[str], sizes: tuple[int, ...] | None):
    assert read_sizes(item, 1) == ItemSizes(images, sizes)
    assert read_sizes_line(orjson.dumps(item), 1) == ItemSizes(images, sizes)


@pytest.mark.parametrize(
    ("item", "code", "words"),
    [
        ({}, "missing_image", "either image"),
        ({"custom_id": "a"}, "missing_image", "either image"),
        ({"sizes": None}, "missing_image", "either image"),
        ({"width": 800}, "invalid_field", "go together"),
        ({"height": 800}, "invalid_field", "go together"),
        ({"width": 0, "height": 1}, "invalid_field", "from 1 to 65,535"),
        ({"width": 1, "height": 65_536}, "invalid_field", "from 1 to 65,535"),
        ({"sizes": []}, "invalid_field", "1 to 20 pairs"),
        ({"sizes": [[1, 2]] * 21}, "invalid_field", "1 to 20 pairs"),
        ({"sizes": {"w": 1}}, "invalid_field", "1 to 20 pairs"),
        ({"sizes": [1, 2]}, "invalid_field", r"\[width, height\]"),
        ({"sizes": [[1, 2, 3]]}, "invalid_field", r"\[width, height\]"),
        ({"sizes": [[0, 2]]}, "invalid_field", "from 1 to 65,535"),
        ({"sizes": [[-1, 2]]}, "invalid_field", "from 1 to 65,535"),
        ({"sizes": [[1, 65_536]]}, "invalid_field", "from 1 to 65,535"),
        ({"sizes": [[1.0, 2]]}, "invalid_field", "whole pixels"),
        ({"sizes": [[True, 2]]}, "invalid_field", "whole pixels"),
        ({"sizes": [["1", 2]]}, "invalid_field", "whole pixels"),
        ({"sizes": [[1, 2]], "image": URL}, "invalid_field", "instead of"),
        ({"sizes": [[1, 2]], "width": 1, "height": 2}, "invalid_field", "instead of"),
        ({"sizes": [[1, 2]], "colour": "red"}, "unknown_field", "'colour'"),
        ({"width": 1, "height": 2, "colour": "red"}, "unknown_field", "'colour'"),
        ({"sizes": [[1, 2]], "custom_id": 7}, "invalid_field", "custom_id"),
        ({"sizes": [[1, 2]], "metadata": []}, "invalid_field", "metadata"),
        ({"image": "a.jpg", "width": 1, "height": 2}, "invalid_image", "no image source"),
        ([], "not_an_object", "JSON object"),
    ],
)
def test_what_is_refused_with_its_line(item: Any, code: str, words: str):
    with pytest.raises(InvalidRequest, match=f"^Line 7: .*{words}") as caught:
        read_sizes_line(orjson.dumps(item), 7)
    (detail,) = caught.value.details
    assert (caught.value.code, detail.code, detail.line) == ("invalid_manifest_line", code, 7)
    with pytest.raises(InvalidRequest, match=f"^Item 7: .*{words}"):
        read_sizes(item, 7)


@pytest.mark.parametrize("item", [{"sizes": [[1, 2]]}, {"width": 1, "height": 2}])
def test_a_job_needs_images(item: dict[str, Any]):
    with pytest.raises(InvalidRequest):
        read_item(item, 1)


def problem(read: Any, value: Any) -> Detail | None:
    with contextlib.suppress(InvalidRequest):
        read(value, 1)
        return None
    with pytest.raises(InvalidRequest) as caught:
        read(value, 1)
    return caught.value.details[0]


SIDES = st.one_of(st.none(), st.integers(-1, 70_000), st.booleans(), st.floats(allow_nan=False))


@given(
    st.fixed_dictionaries(
        {"image": st.sampled_from([URL, "x"])},
        optional={"custom_id": st.text(max_size=3), "width": SIDES, "height": SIDES, "metadata": st.just({"a": 1})},
    )
)
def test_an_item_with_an_image_is_judged_as_in_a_job(item: dict[str, Any]):
    assert problem(read_sizes, item) == problem(read_item, item)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(raw: bytes):
    with contextlib.suppress(InvalidRequest):
        read_sizes_line(raw, 1)
