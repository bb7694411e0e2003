"""The same of every store: what was stored is there, whole, until it is deleted."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from vision.errors import ConfigurationError
from vision.files import BytesGone, IncomingFile, Store, StoreUnavailable, open_store

BIG = bytes(range(256)) * 40_000
"""10 MB: S3 takes it in parts."""


@pytest.fixture(params=["folder", "s3"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Each kind, empty."""
    url = request.getfixturevalue("s3_url") if request.param == "s3" else None
    store = open_store(url, tmp_path)
    await store.prepare()
    return store


async def everything(store: Store, most: int = 2) -> list[str]:
    """All keys, by pages."""
    keys: list[str] = []
    while page := await store.page(keys[-1] if keys else "", most):
        keys += [entry.key for entry in page]
    return keys


async def test_bytes_come_back_whole_and_in_part(store: Store) -> None:
    for key, data in (("a" * 32, BIG), ("jobs/1/b", b"small"), ("empty", b"")):
        await store.put(key, data)
        assert await store.read(key, 5) == (data[:5], len(data))
        assert await store.read(key, len(BIG) + 1) == (data, len(data))
        assert b"".join([piece async for piece in store.stream(key)]) == data
        if len(data) > 3:
            assert b"".join([piece async for piece in store.stream(key, 1, 3)]) == data[1:3]
            assert b"".join([piece async for piece in store.stream(key, 2)]) == data[2:]
        async with store.local(key) as path:
            assert path.read_bytes() == data
    assert [path for path in store.spool.iterdir() if path.suffix == ".part"] == []


async def test_what_is_not_there_is_said_to_be_gone(store: Store) -> None:
    with pytest.raises(BytesGone):
        await store.read("none", 5)
    with pytest.raises(BytesGone):
        await anext(store.stream("none"))
    with pytest.raises(BytesGone):
        async with store.local("none"):
            pass
    await store.delete(["none", "jobs/1/none"])


async def test_writing_the_same_again_does_no_harm(store: Store) -> None:
    await asyncio.gather(*(store.put("jobs/1/same", BIG) for _ in range(5)))
    assert (await store.read("jobs/1/same", len(BIG))).data == BIG
    assert await everything(store) == ["jobs/1/same"]


async def test_entries_come_in_order_page_by_page_until_they_are_deleted(store: Store) -> None:
    keys = sorted(["a", "b", "jobs/1/x", "jobs/1/y", "jobs/2/x", "jobs-x", "k"])
    for key in keys:
        await store.put(key, key.encode())
    assert sorted(await everything(store)) == keys
    assert len(await everything(store, 100)) == len(keys)
    (entry,) = await store.page("", 1)
    assert abs(datetime.now(UTC) - entry.modified) < timedelta(minutes=2)
    await store.delete(["a", "jobs/1/x", "jobs/1/y", "jobs-x"])
    assert sorted(await everything(store)) == ["b", "jobs/2/x", "k"]


async def test_a_received_file_is_kept_only_when_asked_to_be(store: Store) -> None:
    async with IncomingFile(store) as lost:
        await lost.write(BIG)
    async with IncomingFile(store) as kept:
        await kept.write(BIG)
        await kept.keep()
    assert await everything(store) == [kept.id.hex]
    assert (await store.read(kept.id.hex, 10)).total == len(BIG)
    assert not kept.path.exists()


async def test_a_server_that_is_away_is_trouble_and_tells_no_secret(
    s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vision.files.s3.RETRY", {"max_retries": 0, "retry_timeout": timedelta(seconds=1)})
    away = open_store("s3://tests?endpoint=http://127.0.0.1:9", tmp_path)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    refused = open_store(s3_url, tmp_path)
    for store in (away, refused):
        with pytest.raises(StoreUnavailable) as caught:
            await store.put("a", b"x")
        assert "wrong" not in str(caught.value)
        assert "127.0.0.1" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("ftp://host/folder", "file:///folder or s3://"),
        ("file://host/folder", "file:///folder or s3://"),
        ("folder", "file:///folder or s3://"),
        ("s3:///prefix", "s3://bucket/prefix"),
        ("s3://key:secret@bucket", "AWS_ACCESS_KEY_ID"),
        ("s3://bucket?secret=abc", "no option secret"),
    ],
)
def test_an_address_that_is_none_is_refused(url: str, hint: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=hint) as caught:
        open_store(url, tmp_path)
    assert "abc" not in caught.value.message
    assert "secret@" not in caught.value.message


async def test_a_folder_of_ones_own(tmp_path: Path) -> None:
    store = open_store(f"file://{tmp_path}/my%20files", tmp_path / "data")
    await store.prepare()
    await store.put("jobs/1/a", b"x")
    assert [oct(path.stat().st_mode & 0o777) for path in sorted((tmp_path / "my files").rglob("*"))] == [
        "0o700",
        "0o700",
        "0o600",
    ]
