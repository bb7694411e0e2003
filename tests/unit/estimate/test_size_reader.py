"""One pass over a manifest: what is told, what is kept to be measured, and how long ones are thinned out."""

from collections import Counter
from pathlib import Path
from random import Random
from uuid import UUID

import orjson
import pytest

from vision.errors import InvalidRequest
from vision.estimate import size_reader
from vision.estimate.arithmetic import Way, Ways
from vision.estimate.size_reader import SizeReader
from vision.intake import lines
from vision.tokens import NO_FIT

WAY = Way("gpt-4o-mini", "high", NO_FIT)
URL = "https://example.com/a.jpg"


def manifest(folder: Path, *items: object, end: bytes = b"\n") -> Path:
    """A file with these items, one a line."""
    path = folder / "manifest.jsonl"
    path.write_bytes(end.join(orjson.dumps(item) for item in items) + end)
    return path


def read(items: lines.Items, seed: int = 1) -> tuple[SizeReader, Ways, dict[UUID, int]]:
    """The reader when it is over, its sums, and the uploads that were named."""
    counting = Ways([WAY])
    reader = SizeReader(items, counting, Random(seed))
    return reader, counting, {file: line for uploads in reader.batches() for file, line in uploads.items()}


def test_declared_and_unknown_sizes_are_told_apart(tmp_path: Path):
    items = [{"sizes": [[8, 8], [9, 9]]}, {"image": URL}, {"width": 8, "height": 8}, {"images": [URL, URL]}]
    for source in (items, manifest(tmp_path, *items), manifest(tmp_path, *items, end=b"\r\n")):
        reader, counting, _ = read(source)
        assert (reader.total, reader.read, reader.sized, reader.unsized) == (4, 4, 2, 2)
        assert counting.sums(WAY).items == 2
        assert [sampled.number for sampled in reader.sample] == [2, 4]
        again = [lines.read_to_estimate(lines.item_at(source, each.number, each.at)) for each in reader.sample]
        assert [item.images for item in again] == [[URL], [URL, URL]]


def test_a_line_keeps_its_length_for_who_reads_it_again(tmp_path: Path):
    item = {"image": "data:image/png;base64," + "A" * 5_000}
    reader, _, _ = read(manifest(tmp_path, item))
    assert reader.sample[0].size == len(orjson.dumps(item))
    assert read([item])[0].sample[0].size == 0


@pytest.mark.parametrize(("text", "count"), [(b"", 0), (b"{}", 1), (b"{}\n", 1), (b"{}\n{}", 2), (b"\n\n", 2)])
def test_lines_are_counted_as_they_are_read(tmp_path: Path, text: bytes, count: int):
    path = tmp_path / "m"
    path.write_bytes(text)
    assert lines.count(path) == count == len(list(lines.numbered_items(path)))


def test_long_files_are_counted_past_the_first_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lines, "PIECE", 7)
    assert lines.count(manifest(tmp_path, *[{"a": number} for number in range(100)])) == 100


@pytest.mark.parametrize("before", [0, 3])
def test_a_line_that_is_too_long_is_refused_with_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int
):
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 50)
    monkeypatch.setattr(lines, "PIECE", 16)
    fine, long = {"image": URL}, {"image": URL + "x" * 50}
    assert read(manifest(tmp_path, *[fine] * 5))[0].total == 5
    with pytest.raises(InvalidRequest, match=rf"^Line {before + 1} is longer than 50 bytes"):
        read(manifest(tmp_path, *[fine] * before, long, fine))


def test_wrong_lines_are_named_up_to_a_hundred(tmp_path: Path):
    reader, _, _ = read(manifest(tmp_path, {"width": 1, "height": 1}, {"image": 7}, [], *[{}] * 200))
    assert [problem.line for problem in reader.problems] == list(range(2, 102))


def test_uploads_are_named_with_their_first_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(size_reader, "BATCH_LINES", 2)
    first, second = "file_" + "0" * 32, "file_" + "f" * 32
    items = [{"image": URL}, {"images": [first, second]}, {"image": first, "width": 1, "height": 1}]
    counting = Ways([WAY])
    batches = list(SizeReader(manifest(tmp_path, *items), counting, Random(1)).batches())
    assert batches == [{UUID(first[5:]): 2, UUID(second[5:]): 2}, {UUID(first[5:]): 3}]


def test_every_item_is_as_likely_to_be_measured(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(size_reader, "SAMPLE", 5)
    items = [{"image": URL}] * 50
    drawn = Counter(sampled.number for seed in range(2_000) for sampled in read(items, seed)[0].sample)
    assert sum(drawn.values()) == 10_000
    assert len(drawn) == 50
    assert all(140 <= times <= 265 for times in drawn.values()), drawn  # 200 ± 4.7 standard deviations


def test_of_a_very_long_manifest_one_line_out_of_each_part_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(size_reader, "MOST_LINES", 40)
    path = manifest(tmp_path, *[{"image": URL, "metadata": {"n": number}} for number in range(1, 103)])
    drawn: Counter[int] = Counter()
    for seed in range(300):
        reader, _, _ = read(path, seed)
        assert (reader.total, reader.read) == (102, 40)
        numbers = [sampled.number for sampled in reader.sample]
        assert numbers == sorted(set(numbers))
        assert all(part * 102 // 40 < number <= (part + 1) * 102 // 40 for part, number in enumerate(numbers))
        drawn.update(numbers)
    assert len(drawn) == 102


def test_lines_that_are_not_read_may_be_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(size_reader, "MOST_LINES", 1)
    path = manifest(tmp_path, *[{"width": 8, "height": 8}] * 1_000, 7)
    reader, _, _ = read(path)
    assert (reader.total, reader.read, reader.problems) == (1_001, 1, [])


def test_nothing_in_it(tmp_path: Path):
    path = tmp_path / "m"
    path.write_bytes(b"")
    for source in (path, []):
        reader, _, _ = read(source)
        assert (reader.total, reader.read, reader.problems) == (0, 0, [])
