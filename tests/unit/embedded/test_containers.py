"""The containers run what `tessera up` runs."""

import shlex
from pathlib import Path

import yaml

from embedded.stack import API_COMMAND, worker_command

ROOT = Path(__file__).parents[3]
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


def test_api_and_worker_have_the_commands_of_the_stack() -> None:
    assert shlex.split(SERVICES["api"]["command"]) == ["python", *API_COMMAND]
    assert shlex.split(SERVICES["worker"]["command"]) == ["python", *worker_command("worker")]


def test_our_parts_share_one_image_and_one_environment() -> None:
    ours = [SERVICES[name] for name in ("migrate", "api", "worker")]
    assert all(part["image"] == "tessera" for part in ours)
    assert all(part["environment"] == ours[0]["environment"] for part in ours)


def test_the_image_holds_every_package() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    allowed = (ROOT / ".dockerignore").read_text().splitlines()
    for package in ("api", "worker", "vision", "cli", "embedded", "local", "migrations"):
        assert f"COPY {package} {package}" in dockerfile
        assert f"!{package}" in allowed
