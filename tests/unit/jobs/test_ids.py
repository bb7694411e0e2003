"""Public ids: prefix and hexadecimal UUIDv7, there and back."""

import time
from uuid import UUID

import pytest

from vision.errors import NotFound
from vision.jobs import ids


def test_new_ids_are_ordered_by_time_and_differ() -> None:
    made = [ids.new() for _ in range(1_000)]
    assert len(set(made)) == 1_000
    assert all(value.version == 7 and value.variant == "specified in RFC 4122" for value in made)
    milliseconds = [value.int >> 80 for value in made]
    assert milliseconds == sorted(milliseconds)
    assert milliseconds[-1] == pytest.approx(time.time() * 1000, abs=60_000)


def test_there_and_back() -> None:
    value = ids.new()
    shown = ids.public("job", value)
    assert shown == f"job_{value.hex}"
    assert ids.parse("job", shown) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "job",
        "job_",
        "0190c0ffee",
        "file_" + "0" * 32,
        "job_" + "0" * 31,
        "job_" + "0" * 33,
        "job_" + "g" * 32,
        "job_" + "0" * 30 + "é9",
        "job_{" + "0" * 30 + "}",
        "job_urn:uuid:" + "0" * 23,
        "job_" + "0" * 10_000,
        "job_\0" + "0" * 31,
    ],
)
def test_what_cannot_be_one_of_ours_is_not_found(text: str) -> None:
    with pytest.raises(NotFound) as refused:
        ids.parse("job", text)
    assert len(refused.value.message) < 200


def test_an_items_id_holds_its_job_and_number() -> None:
    job_id = UUID("0190c0de-0000-7000-8000-00000000abcd")
    assert ids.item(job_id, 255) == "item_0190c0de00007000800000000000abcd000000ff"
    assert len(ids.item(job_id, 2**31 - 1)) == len("item_") + 40
