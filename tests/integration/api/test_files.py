"""Uploads: any order of parts, any way of sending, never beyond the limit."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from vision.errors import TooLarge
from vision.files import IncomingFile
from vision.files.folder import Folder, drop_parts
from vision.settings import Settings

BOUNDARY = "xyz"
TYPE = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}


def form(*parts: tuple[str, bytes], end: bytes = b"--xyz--\r\n") -> bytes:
    """A form; parts are (the rest of Content-Disposition, content)."""
    return (
        b"".join(
            b"--xyz\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % (head.encode(), content)
            for head, content in parts
        )
        + end
    )


async def in_pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    """A body without a length."""
    for start in range(0, len(data), size):
        await asyncio.sleep(0)
        yield data[start : start + size]


async def test_a_file_is_stored_and_given_back(client: httpx2.AsyncClient, settings: Settings) -> None:
    content = bytes(range(256)) * 1000
    sent = await client.post("/v1/files", files={"file": ("a b.png", content)}, data={"purpose": "vision"})
    file = sent.json()
    assert sent.status_code == 200
    assert (file["object"], file["bytes"], file["filename"]) == ("file", 256_000, "a b.png")
    assert (file["purpose"], file["status"], file["media_type"]) == ("vision", "processed", "image/png")
    assert (await client.get(f"/v1/files/{file['id']}")).json() == file
    back = await client.get(f"/v1/files/{file['id']}/content")
    assert back.content == content
    assert back.headers["x-content-type-options"] == "nosniff"
    part = await client.get(f"/v1/files/{file['id']}/content", headers={"range": "bytes=200000-"})
    assert (part.status_code, part.headers["content-range"]) == (206, "bytes 200000-255999/256000")
    assert part.content == content[200_000:]
    none = await client.get(f"/v1/files/{file['id']}/content", headers={"range": "bytes=256000-"})
    assert (none.status_code, none.content) == (416, b"")
    assert [path.name for path in (settings.data_dir / "files").iterdir()] == [file["id"].removeprefix("file_")]


async def test_a_file_is_found_by_its_bytes(client: httpx2.AsyncClient) -> None:
    sent = (await client.post("/v1/files", files={"file": ("a.png", b"these bytes")})).json()
    digest = hashlib.sha256(b"these bytes").hexdigest()
    assert [file["id"] for file in (await client.get("/v1/files", params={"sha256": digest})).json()["data"]] == [
        sent["id"]
    ]
    assert (await client.get("/v1/files", params={"sha256": "0" * 64})).json()["data"] == []
    assert (await client.get("/v1/files", params={"sha256": "abc"})).status_code == 400


@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_parts_come_in_any_order_and_in_pieces(client: httpx2.AsyncClient, size: int) -> None:
    file, purpose = ('name="file"; filename="upload"', b"\r\n--xy\r\n1\r\n2"), ('name="purpose"', b"batch")
    for parts in ((file, purpose), (purpose, file)):
        sent = await client.post("/v1/files", content=in_pieces(form(*parts), size), headers=TYPE)
        assert sent.json()["purpose"] == "batch"
        back = await client.get(f"/v1/files/{sent.json()['id']}/content")
        assert back.content == file[1]


async def test_forms_that_are_none_are_refused(client: httpx2.AsyncClient, settings: Settings) -> None:
    file = ('name="file"; filename="f"', b"x")
    bad = {
        "no file": form(('name="purpose"', b"x")),
        "two files": form(file, file),
        "cut off": form(file, end=b""),
        "long field": form(('name="purpose"', b"x" * 10_000), file),
        "many fields": form(*((f'name="f{number}"', b"x") for number in range(11)), file),
        "garbage": b"garbage",
        "long purpose": form(('name="purpose"', b"x" * 65), file),
    }
    for name, body in bad.items():
        assert (await client.post("/v1/files", content=body, headers=TYPE)).status_code == 400, name
    assert (await client.post("/v1/files", json={})).status_code == 415
    assert list((settings.data_dir / "files").iterdir()) == []


async def test_names_cannot_leave_the_folder(client: httpx2.AsyncClient) -> None:
    body = form(('name="file"; filename="../../etc/passwd"', b"x"))
    assert (await client.post("/v1/files", content=body, headers=TYPE)).json()["filename"] == "passwd"


async def test_bytes_that_are_gone_are_said_to_be(client: httpx2.AsyncClient, settings: Settings) -> None:
    file = (await client.post("/v1/files", files={"file": b"x"})).json()["id"]
    (settings.data_dir / "files" / file.removeprefix("file_")).unlink()
    lost = await client.get(f"/v1/files/{file}/content")
    job = await client.post("/v1/jobs", json={"preset": "ocr", "input_file_id": file})
    assert (lost.status_code, lost.json()["error"]["code"]) == (404, "not_found")
    assert (job.status_code, job.json()["error"]["code"]) == (400, "unknown_file")


def mode(path: Path) -> int:
    """The mode bits."""
    return path.stat().st_mode & 0o777


async def test_uploads_are_closed_to_others_whatever_the_umask(
    client: httpx2.AsyncClient, settings: Settings, tmp_path: Path
) -> None:
    before = os.umask(0)
    try:
        await client.post("/v1/files", files={"file": b"x"})
        async with IncomingFile(Folder(tmp_path / "new")) as draft:
            assert (mode(draft.path), mode(draft.path.parent)) == (0o600, 0o700)
    finally:
        os.umask(before)
    folder = settings.data_dir / "files"
    assert [mode(path) for path in (folder, *folder.iterdir())] == [0o700, 0o600]


async def test_a_folder_that_was_open_is_closed_at_start(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    (folder / ("0" * 32)).touch(mode=0o644)
    await Folder(folder).prepare()
    assert [mode(path) for path in (folder, *folder.iterdir())] == [0o700, 0o600]


def test_only_old_drafts_are_dropped(tmp_path: Path) -> None:
    old, new, kept = tmp_path / ".a.part", tmp_path / ".b.part", tmp_path / ("0" * 32)
    for path in (old, new, kept):
        path.touch()
    for path in (old, kept):
        os.utime(path, (0, 0))
    drop_parts(tmp_path)
    assert sorted(tmp_path.iterdir()) == [new, kept]


async def test_the_limit_counts_while_writing(tmp_path: Path) -> None:
    async with IncomingFile(Folder(tmp_path), max_bytes=10) as draft:
        await draft.write(b"123456")
        with pytest.raises(TooLarge):
            await draft.write(b"123456")
    assert list(tmp_path.iterdir()) == []
