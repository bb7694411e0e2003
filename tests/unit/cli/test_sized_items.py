"""Sources → the lines of an estimate."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from cli.problems import Problem
from cli.sources.paths import Sources
from cli.sources.sized_items import SizedItems
from tests.fakes import images


@pytest.fixture(autouse=True)
def album(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with two pictures and one that is none."""
    monkeypatch.chdir(tmp_path)
    Path("album").mkdir()
    Path("album/a.jpg").write_bytes(images.jpeg(600, 400))
    Path("album/b.jpg").write_bytes(b"nothing")
    Path("album/c.png").write_bytes(images.png(30, 20))
    return tmp_path


def sized(*names: str) -> tuple[list[dict[str, Any]], SizedItems]:
    items = SizedItems(Sources(names))
    return [orjson.loads(line) for line in items], items


def test_pictures_here_become_sizes() -> None:
    told, items = sized("album")
    assert told == [
        {"custom_id": "album/a.jpg", "sizes": [[600, 400]]},
        {"custom_id": "album/c.png", "sizes": [[30, 20]]},
    ]
    assert items.left_out == 1
    assert items.unreadable == ["album/b.jpg: The image is damaged or incomplete. [image_corrupt]"]


def test_several_pictures_of_an_item_and_measured_sizes_before_told_ones() -> None:
    Path("m.jsonl").write_text(
        '{"custom_id":"x","images":["album/a.jpg","album/c.png"],"metadata":{"shelf":1}}\n'
        '{"custom_id":"y","image":"album/c.png","width":5,"height":5}\n'
    )
    assert sized("m.jsonl")[0] == [
        {"custom_id": "x", "metadata": {"shelf": 1}, "sizes": [[600, 400], [30, 20]]},
        {"custom_id": "y", "sizes": [[30, 20]]},
    ]


def test_other_items_go_as_they_are() -> None:
    lines = ['{"custom_id":"u","image":"https://x/1.jpg","width":800,"height":600}', '{"width":8,"height":6}']
    Path("m.jsonl").write_text("\n".join(lines))
    assert sized("m.jsonl")[0] == [orjson.loads(line) for line in lines]


def test_an_item_half_here_is_left_out() -> None:
    Path("m.jsonl").write_text('{"images":["album/a.jpg","https://x/1.jpg"]}\n{"image":"https://x/1.jpg"}\n')
    told, items = sized("m.jsonl")
    assert told == [{"image": "https://x/1.jpg"}]
    assert items.unreadable[0].startswith("m.jsonl, line 1: ")


def test_places_of_lines_skip_what_was_left_out() -> None:
    Path("album/0.jpg").write_bytes(b"nothing either")
    Path("urls.txt").write_text("https://x/1.jpg\nhttps://x/2.jpg\n")
    _, items = sized("album", "urls.txt")
    assert [items.place(line) for line in range(1, 5)] == [
        *("album/a.jpg", "album/c.png"),
        *("urls.txt, line 1", "urls.txt, line 2"),
    ]


def test_wrong_lines_are_told_together() -> None:
    Path("m.jsonl").write_text('{"image":"https://x/1.jpg"}\n{oops\n{"image":"https://x/1.jpg"}\n[]\n')
    with pytest.raises(Problem) as caught:
        sized("m.jsonl")
    told = caught.value.message.splitlines()
    assert [line.partition(":")[0] for line in told[1:]] == ["  m.jsonl, line 2", "  m.jsonl, line 4"]


def test_an_item_that_is_not_sent_as_it_is_is_checked_here() -> None:
    Path("m.jsonl").write_text('{"image":"album/a.jpg","images":["album/c.png"]}\n')
    with pytest.raises(Problem, match=r"m\.jsonl, line 1: give either image"):
        sized("m.jsonl")


def test_nothing_to_estimate() -> None:
    with pytest.raises(Problem, match=r"album/b\.jpg: It is neither a picture nor a manifest"):
        sized("album/b.jpg")
    Path("album/a.jpg").unlink()
    Path("album/c.png").unlink()
    with pytest.raises(Problem, match=r"None of the images can be read:\n  album/b\.jpg"):
        sized("album")
    Path("empty").mkdir()
    with pytest.raises(Problem, match="the sources hold no images"):
        sized("empty")
