"""Manifests → entries."""

from pathlib import Path

import pytest

from cli.problems import Problem
from cli.sources.manifests import ManifestEntry, read


def written(path: Path, text: str | bytes) -> list[ManifestEntry]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(read(path))


def test_jsonl_lines_pass_as_they_are(tmp_path: Path) -> None:
    entries = written(
        tmp_path / "m.jsonl", '\ufeff{"custom_id":"a","image":"https://x/a.jpg","width":3,"height":4}\n\n'
    )
    assert [entry.item for entry in entries] == [
        {"custom_id": "a", "image": "https://x/a.jpg", "width": 3, "height": 4}
    ]


def test_a_relative_path_is_looked_up_beside_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "b.png").touch()
    (entry,) = written(tmp_path / "m.jsonl", '{"images":["b.png","https://x/a.jpg"]}')
    assert entry.item["images"] == [tmp_path / "b.png", "https://x/a.jpg"]


def test_a_bad_line_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    entries = written(tmp_path / "m.jsonl", '{"image":"https://x/a.jpg"}\n{oops\n[1]\n{"image":"none.jpg"}\n')
    assert [bool(entry.problem) for entry in entries] == [False, True, True, True]
    assert entries[1].place.endswith("m.jsonl, line 2")
    assert entries[1].problem is not None
    assert entries[1].problem.startswith("Not JSON")


@pytest.mark.parametrize("name", ["/etc/passwd", "../secret.env", "id_rsa"])
def test_only_pictures_are_taken_from_this_machine(tmp_path: Path, name: str) -> None:
    (entry,) = written(tmp_path / "m.txt", name)
    assert entry.problem is not None
    assert "neither a URL nor a picture file" in entry.problem


def test_csv_columns(tmp_path: Path) -> None:
    text = "custom_id,images,width,height,shop,note\na,https://x/1.jpg|https://x/2.jpg https://x/3.jpg,30,40,north,\n"
    (entry,) = written(tmp_path / "m.csv", text)
    assert entry.item == {
        "custom_id": "a",
        "images": ["https://x/1.jpg", "https://x/2.jpg", "https://x/3.jpg"],
        "width": 30,
        "height": 40,
        "metadata": {"shop": "north"},
    }


def test_csv_image_column_is_one_image(tmp_path: Path) -> None:
    (entry,) = written(tmp_path / "m.csv", "image\nhttps://x/a|b.jpg\n")
    assert entry.item == {"images": ["https://x/a|b.jpg"], "metadata": {}}


def test_csv_of_sizes_is_enough_for_an_estimate(tmp_path: Path) -> None:
    (entry,) = written(tmp_path / "m.csv", "sku,width,height\n7,30,40\n")
    assert entry.item == {"width": 30, "height": 40, "metadata": {"sku": "7"}}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("width\n30\n", "no column"),
        ("url\nhttps://x/1.jpg\n", "no column"),
        ("image,width\nhttps://x/1.jpg,wide\n", "whole number of pixels"),
        ("image\nhttps://x/1.jpg,2\n", "More cells"),
    ],
)
def test_csv_problems(tmp_path: Path, text: str, problem: str) -> None:
    (entry,) = written(tmp_path / "m.csv", text)
    assert entry.place.endswith("line 2")
    assert entry.problem is not None
    assert problem in entry.problem


def test_csv_in_another_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="cannot be read"):
        written(tmp_path / "m.csv", "image,name\nhttps://x/1.jpg,Käse\n".encode("latin-1"))


def test_text_lines_are_called_by_their_url(tmp_path: Path) -> None:
    long = "https://x/" + "a" * 600
    entries = written(tmp_path / "m.txt", f"https://x/1.jpg\r\n\n{long}\n")
    assert [entry.item for entry in entries] == [
        {"custom_id": "https://x/1.jpg", "image": "https://x/1.jpg"},
        {"image": long},
    ]
