"""SOURCE arguments → entries."""

from pathlib import Path

import click
import pytest

from cli.problems import Problem
from cli.sources.paths import Extent, Sources
from tests.fakes import images


@pytest.fixture
def album(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder `album` in the working folder, with pictures and other files."""
    monkeypatch.chdir(tmp_path)
    for name in ("album/b.jpg", "album/deep/a.PNG", "album/readme.md", "album/.hidden/c.jpg", "album/.d.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(images.png() if path.suffix != ".md" else b"# Read me, I am no picture.")
    return tmp_path / "album"


def ids(*names: str) -> list[object]:
    return [entry.item["custom_id"] for entry in Sources(names)]


def test_a_folder_is_searched_for_pictures(album: Path) -> None:
    assert ids("album") == ["album/b.jpg", "album/deep/a.PNG"]
    assert ids(str(album)) == ["album/b.jpg", "album/deep/a.PNG"]


def test_pictures_go_by_their_bytes_and_others_are_named(album: Path) -> None:
    (album / "e").write_bytes(images.jpeg())
    (album / "f.jfif").write_bytes(images.jpeg())
    (album / "g.bmp").write_bytes(b"BM" + b"\0" * 40)
    sources = Sources(["album"])
    assert sources.check() == Extent(4, 4, 2 * len(images.png()) + 2 * len(images.jpeg()))
    assert list(sources.left_out) == ["album/g.bmp", "album/readme.md"]
    assert "This is BMP" in sources.left_out["album/g.bmp"]


def test_a_path_is_called_as_it_was_written(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(album)
    assert ids("b.jpg", ".") == ["b.jpg", "deep/a.PNG"], "a picture that is named twice is one item"
    assert ids("../album/b.jpg") == ["b.jpg"]


def test_sources_mix_and_can_be_read_twice(album: Path) -> None:
    Path("urls.txt").write_text("https://x/1.jpg\nhttps://x/2.jpg\n")
    sources = Sources(["urls.txt", "album", "https://x/3.jpg"])
    assert sources.check() == Extent(items=5, uploads=2, bytes=2 * len(images.png()))
    assert sources.check() == Extent(items=5, uploads=2, bytes=2 * len(images.png()))
    assert sources.place(2) == "urls.txt, line 2"
    assert sources.place(4) == "album/deep/a.PNG"
    assert sources.place(99) == "item 99"


def test_a_file_that_is_not_there_is_a_usage_error(album: Path) -> None:
    with pytest.raises(click.BadParameter, match=r"missing\.jpg"):
        list(Sources(["missing.jpg"]))


def test_a_file_that_is_neither_picture_nor_manifest_is_named(album: Path) -> None:
    with pytest.raises(Problem, match=r"album/readme\.md: It is neither a picture nor a manifest"):
        Sources(["album/readme.md", "album"]).check()


def test_all_bad_lines_are_told_before_anything_is_sent(tmp_path: Path) -> None:
    manifest = tmp_path / "m.jsonl"
    manifest.write_text('{"image":"https://x/1.jpg"}\n{oops\n{"image":"https://x/1.jpg","colour":"red"}\n')
    with pytest.raises(Problem) as caught:
        Sources([str(manifest)]).check()
    assert "line 2: Not JSON" in caught.value.message
    assert "line 3: unknown field 'colour'" in caught.value.message


def test_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="nothing to submit"):
        Sources([str(tmp_path)]).check()


def test_many_problems_are_cut_short(tmp_path: Path) -> None:
    manifest = tmp_path / "m.txt"
    manifest.write_text("nonsense\n" * 500)
    with pytest.raises(Problem) as caught:
        Sources([str(manifest)]).check()
    assert len(caught.value.message.splitlines()) < 25
