"""Words that no file system takes for a path name no file, and no command ends in a traceback over them."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cli.commands.tokens import command
from cli.sources.manifests import image
from cli.sources.paths import Sources

UNUSABLE = ("a" * 256, "a" * 5_000, "a/" * 3_000, "a\0b")


@pytest.mark.parametrize("word", UNUSABLE)
def test_tokens_says_what_it_takes(word: str) -> None:
    result = CliRunner().invoke(command, [word, "--model", "gpt-4o"])
    assert (result.exit_code, type(result.exception)) == (2, SystemExit)
    assert "is neither a size such as 1024x768 nor an image file." in result.output


@pytest.mark.parametrize("word", UNUSABLE)
def test_a_source_is_no_file_or_folder(word: str) -> None:
    with pytest.raises(click.BadParameter, match="There is no file or folder"):
        list(Sources([word]))


@pytest.mark.parametrize("word", UNUSABLE)
def test_a_manifest_names_no_file(word: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="There is no file"):
        image(f"{word}b.jpg", tmp_path)


def test_a_loop_of_links_is_no_file(tmp_path: Path) -> None:
    loop = tmp_path / "loop.jpg"
    loop.symlink_to(loop)
    with pytest.raises(ValueError, match="There is no file"):
        image("loop.jpg", tmp_path)
