"""The commands, as people type them, against the whole service and a fake OpenAI."""

import csv
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.connection import Connection
from tests.acceptance.conftest import Service, services
from tests.fakes import images

Run = Callable[..., subprocess.CompletedProcess[str]]
KEY = "sk-test"
PATIENT = "import cli.main, cli.commands.watch; cli.commands.watch.PATIENCE_SECONDS = 300; cli.main.main()"
"""`tessera` for a machine on which a restart may take minutes."""


@pytest.fixture(scope="module")
def openai() -> Iterator[str]:
    """The address of a fake OpenAI."""
    command = [sys.executable, "-m", "tests.fakes.provider", "--port", "0", "--key", KEY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}/v1"
        process.terminate()


@pytest.fixture(scope="module")
def service(open_folder: Path, openai: str) -> Iterator[Service]:
    """One for all: starting it takes longer than any of the tests."""
    with services(open_folder) as up:
        service = up("--workers", "1", OPENAI_API_KEY=KEY, OPENAI_BASE_URL=openai, TESSERA_LOCAL_PROVIDER="false")
        service.wait_until_ready()
        yield service


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A working folder with a folder of pictures and manifests of three kinds."""
    (tmp_path / "album" / "deep").mkdir(parents=True)
    (tmp_path / "album" / "one.jpg").write_bytes(images.jpeg())
    (tmp_path / "album" / "deep" / "two.png").write_bytes(images.png())
    (tmp_path / "more.csv").write_text("custom_id,image,shelf\nthree,album/one.jpg,left\n")
    (tmp_path / "more.jsonl").write_text('{"custom_id":"four","images":["album/one.jpg","album/deep/two.png"]}\n')
    return tmp_path


def run(service: Service | None, folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`tessera WORDS` in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *words],
        cwd=folder,
        env=(service.environment if service else {}) | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_submit_watch_and_results(service: Service, album: Path) -> None:
    submitted = run(
        service,
        album,
        *("submit", "album", "more.csv", "more.jsonl", "--preset", "ocr", "--model", "gpt-4o-mini", "--detail", "low"),
        *("--metadata", "batch=7", "--deadline", "1h", "--max-cost", "1.00"),
    )
    assert submitted.returncode == 0, submitted.stderr
    assert "4 items for openai/gpt-4o-mini" in submitted.stderr
    job_id = submitted.stdout.strip()
    assert re.fullmatch(r"job_[0-9a-f]{32}", job_id)

    watched = run(service, album, "watch", job_id)
    assert watched.returncode == 0, watched.stdout + watched.stderr
    assert re.search(r"succeeded 4/4 .*[\d,]+ input tokens .* spent \$0\.\d+ .*cap \$1\.00", watched.stdout)

    (job,) = lines(run(service, album, "watch", job_id, "--json").stdout)
    assert job["metadata"] == {"batch": "7"}

    answers = lines(run(service, album, "results", job_id).stdout)
    assert {answer["custom_id"] for answer in answers} == {"album/one.jpg", "album/deep/two.png", "three", "four"}
    assert all(answer["status"] == "succeeded" for answer in answers)

    assert run(service, album, "results", job_id, "-o", "out.csv").returncode == 0
    with (album / "out.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 4
    assert sorted(path.name for path in album.glob("*out*")) == ["out.csv"]

    refused = run(service, album, "results", job_id, "-o", "out.parquet")
    if refused.returncode:
        assert "parquet" in refused.stderr
        assert not list(album.glob("*parquet*"))


def test_an_own_prompt_with_a_schema_watched_as_json(service: Service, album: Path) -> None:
    schema = {
        "type": "object",
        "properties": {"colour": {"type": "string"}},
        "required": ["colour"],
        "additionalProperties": False,
    }
    (album / "schema.json").write_text(json.dumps(schema))
    (album / "prompt.txt").write_text("Which colour? " * 2_000)  # too long for a query string
    words = ["--prompt", "@prompt.txt", "--schema", "schema.json", "--model", "gpt-4o-mini", "--watch", "--json"]
    done = run(service, album, "submit", "album/one.jpg", *words)
    assert done.returncode == 0, done.stderr
    *_, job = lines(done.stdout)
    assert (job["status"], job["preset"]) == ("succeeded", None)


def jobs(service: Service) -> object:
    """What GET /v1/jobs shows."""
    with Connection(service.url, service.key) as connection:
        return connection.get("/v1/jobs")["data"]


def test_estimates_need_no_upload_and_no_job(service: Service, album: Path) -> None:
    before = jobs(service)
    (album / "album" / "broken.gif").write_bytes(b"this is no picture")
    (album / "sizes.csv").write_text("custom_id,width,height\nfive,1024,1024\n")
    words = ["estimate", "album", "more.csv", "more.jsonl", "sizes.csv", "--preset", "ocr"]
    asked = run(service, album, *words, "--models", "gpt-4o,gpt-4o-mini", "--details", "low,high", "--json")
    assert asked.returncode == 0, asked.stderr
    assert "album/broken.gif: The bytes are not an image. [image_corrupt]" in asked.stderr
    estimate = json.loads(asked.stdout)
    assert (estimate["items"]["total"], estimate["exact"]) == (5, True)
    rows = {(row["model"], row["detail"]): row for row in estimate["data"]}
    assert rows.keys() == {(model, level) for model in ("gpt-4o", "gpt-4o-mini") for level in ("low", "high")}
    assert rows["gpt-4o", "low"]["tokens"]["image"] == 85 * 6
    assert rows["gpt-4o", "high"]["tokens"]["image"] == 255 * 5 + 765
    costs = [float(row["cost"]["estimated"]) for row in estimate["data"]]
    assert costs == sorted(costs)

    shown = run(service, album, *words, "--max-side", "512", COLUMNS="200")
    assert shown.returncode == 0, shown.stderr
    assert re.search(r"^gpt-4o-mini +high +[\d,]+ +[\d,]+ +\$0\.", shown.stdout, re.MULTILINE)
    assert re.search(r"max *\n.* saves *\n", shown.stdout)
    assert "5 items, image tokens exact." in shown.stdout
    assert jobs(service) == before


def test_what_an_estimate_refuses(service: Service, album: Path) -> None:
    """As a job is refused, with the line of the source."""
    (album / "album" / "broken.gif").write_bytes(b"this is no picture")
    (album / "wrong.csv").write_text(
        "custom_id,image,width,height\na,https://x.test/1.jpg,5,5\nb,https://x.test/2.jpg,5,0\n"
    )
    wrong = run(service, album, "estimate", "album", "wrong.csv", "--preset", "ocr")
    assert wrong.returncode == 1
    assert "wrong.csv, line 3: " in wrong.stderr
    (album / "prompt.txt").write_text("Which colour? " * 2_000)  # too long for a query string
    long = ["estimate", "album", "--prompt", "@prompt.txt", "--model", "gpt-4o", "--detail", "low", "--json"]
    (row,) = json.loads(run(service, album, *long).stdout)["data"]
    assert row["tokens"]["text"] > 2 * 4_000
    unknown = run(service, album, "estimate", "album", "--preset", "ocr", "--models", "gpt-4o,gpt-99")
    assert (unknown.returncode, "gpt-99" in unknown.stderr) == (1, True)


def test_the_end_of_a_job_stands_beside_its_estimate(service: Service, album: Path) -> None:
    (album / "told.jsonl").write_text('{"image":"album/one.jpg","width":4000,"height":3000}\n')
    words = ["--preset", "ocr", "--model", "gpt-4o", "--detail", "high", "--fit", "snap", "--allow-unpriced"]
    done = run(service, album, "submit", "album", "told.jsonl", *words, "--watch")
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    assert re.match(r"Estimated [\d,]+ input tokens and \$[\d.]+, took [\d,]+.* and \$", last)
    assert last.endswith("1 item turned out to have another size than was declared.")


def test_tokens_need_no_service(tmp_path: Path) -> None:
    (tmp_path / "one.jpg").write_bytes(images.jpeg())
    words = ["1024x1024", "one.jpg", "-1x5", "--model", "gpt-4o-mini"]
    told = run(None, tmp_path, "tokens", *words, "--json")
    assert [line.get("tokens") for line in lines(told.stdout)] == [25_501, 8_500, None]
    assert (told.returncode, told.stderr) == (1, "")
    unknown = run(None, tmp_path, "tokens", "8x8", "--model", "gpt-4o-mimi")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert re.match(r"Error: .*gpt-4o-mini.* \[unknown_model\]\n$", unknown.stderr)


def stored(service: Service) -> int:
    """How many files the service has."""
    with Connection(service.url, service.key) as connection:
        return len(connection.get("/v1/files", {"limit": 100})["data"])


def test_the_same_command_goes_on_where_it_was_and_makes_one_job(service: Service, album: Path) -> None:
    (album / "album" / "one.jpg").write_bytes(images.jpeg(321, 123))
    (album / "album" / "copy.jpg").write_bytes(images.jpeg(321, 123))
    (album / "album" / "note.txt").write_text("A note, and no picture.")
    words = ["submit", "album", "--preset", "ocr", "--model", "gpt-4o-mini"]
    before = stored(service)
    for wrong in (["--preset", "ocrr"], ["--preset", "ocr", "--webhook-url", "http://a..b/"]):
        assert run(service, album, "submit", "album", *wrong).returncode == 1
    assert stored(service) == before, "fields are checked before anything is uploaded"

    first = run(service, album, *words)
    assert first.returncode == 0, first.stderr
    assert "album/note.txt" in first.stderr
    two_or_one = stored(service) - before
    assert two_or_one <= 2, "two files of the same bytes are one upload"

    second = run(service, album, *words)
    assert second.stdout == first.stdout
    assert "Use --again" in second.stderr
    assert "3 of 3 files were there already" in second.stderr
    other = run(service, album, *words, "--again")
    assert other.stdout not in ("", first.stdout)
    assert stored(service) - before == two_or_one

    (album / "album" / "new.jpg").write_bytes(images.jpeg(222, 111))
    third = run(service, album, *words)
    assert third.stdout not in (first.stdout, other.stdout)
    assert stored(service) - before == two_or_one + 1


def test_what_the_service_refuses_is_told_in_full(service: Service, album: Path) -> None:
    unknown = run(service, album, "submit", "album", "--preset", "ocrr")
    assert unknown.returncode == 1
    assert "[unknown_preset]" in unknown.stderr
    assert "moderation" in unknown.stderr

    (album / "twice.csv").write_text(
        "custom_id,image\na,https://x.test/1.jpg\nb,https://x.test/2.jpg\na,https://x.test/3.jpg\n"
    )
    twice = run(service, album, "submit", "twice.csv", "--preset", "ocr", "--model", "gpt-4o-mini")
    assert twice.returncode == 1
    assert "twice.csv, line 4" in twice.stderr

    assert "[not_found]" in run(service, album, "watch", "job_1").stderr
    wrong = run(service, album, "providers", TESSERA_API_KEY="wrong")
    assert wrong.returncode == 1
    assert "TESSERA_API_KEY" in wrong.stderr
    assert "Traceback" not in unknown.stderr + twice.stderr + wrong.stderr


def test_keys_and_providers(service: Service, tmp_path: Path) -> None:
    made = run(service, tmp_path, "keys", "create", "shop", "--scope", "jobs:read")
    secret = made.stdout.strip()
    assert made.returncode == 0
    key_id = made.stderr.split()[0]
    assert run(service, tmp_path, "providers", TESSERA_API_KEY=secret).returncode == 0
    assert run(service, tmp_path, "keys", "list", TESSERA_API_KEY=secret).returncode == 1

    listed = run(service, tmp_path, "keys", "list", COLUMNS="200").stdout
    assert key_id in listed
    assert secret not in listed
    assert run(service, tmp_path, "keys", "revoke", key_id).stdout == f"{key_id} is revoked.\n"
    assert run(service, tmp_path, "providers", TESSERA_API_KEY=secret).returncode == 1

    shown = run(service, tmp_path, "providers", COLUMNS="200").stdout
    assert "openai/gpt-4o-mini" in shown
    assert "\x1b" not in shown
    lanes = json.loads(run(service, tmp_path, "providers", "--json").stdout)
    assert all(lane["limits"]["requests_per_minute"] > 0 for lane in lanes)
    without_tokens = {lane["model"] for lane in lanes if lane["limits"]["tokens_per_minute"] is None}
    assert without_tokens == {"omni-moderation-latest"}


def test_nothing_listens(tmp_path: Path) -> None:
    for words in (
        ["watch", "job_1"],
        ["providers"],
        ["submit", "https://x.test/1.jpg", "--preset", "ocr"],
        ["estimate", "https://x.test/1.jpg", "--preset", "ocr"],
    ):
        answer = run(None, tmp_path, *words, TESSERA_URL="http://127.0.0.1:9", TESSERA_API_KEY="x")
        assert answer.returncode == 3
        assert "tessera up" in answer.stderr


def test_watching_outlives_a_restart(service: Service, album: Path) -> None:
    """The job is paused meanwhile, so that there is something left to watch."""
    words = ["submit", "album", "--preset", "ocr", "--model", "gpt-4o-mini", "--json"]
    paused = run(service, album, *words, "--max-cost", "0.00000001")
    job_id = json.loads(paused.stdout)["id"]
    command = [sys.executable, "-c", PATIENT, "watch", job_id, "--json"]
    with subprocess.Popen(command, cwd=album, env=service.environment, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout
        assert json.loads(watching.stdout.readline())["id"] == job_id
        service.restart()
        _cancel(service, job_id)
        told, _ = watching.communicate(timeout=300)
    assert watching.returncode == 1
    assert lines(told)[-1]["status"] == "cancelled"


def _cancel(service: Service, job_id: str) -> None:
    with Connection(service.url, service.key) as connection:
        connection.post(f"/v1/jobs/{job_id}/cancel")
