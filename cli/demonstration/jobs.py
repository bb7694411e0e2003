"""The three jobs of the demo: each is submitted, watched, shown in a table, and announced by a signed webhook."""

import base64
import mimetypes
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console

from cli.commands import watch
from cli.connection import Connection
from cli.demonstration import photographs, report
from cli.demonstration.receiver import Receiver
from cli.demonstration.service import Service, command
from cli.problems import Problem

Job = dict[str, Any]
JOB_SECONDS = 120


@dataclass(frozen=True)
class Model:
    """The model that answers, `provider/model`, and the level of detail (None: the preset's)."""

    name: str
    detail: str | None = None


class DemoJobs:
    """One run of the demo against a service that is ready."""

    def __init__(self, service: Service, receiver: Receiver, model: Model, console: Console) -> None:
        self._service, self._receiver, self._model, self._console = service, receiver, model, console
        self._connection = Connection(service.url, service.key)

    def run(self) -> None:
        """All three jobs; Problem at the first thing that is not as it should be."""
        with self._connection:
            self._console.print("\n[bold]Moderation, by POST /v1/jobs with the pictures inline[/bold]")
            moderation = watch.follow(self._connection, self._by_http("moderation"), seconds=JOB_SECONDS)
            jobs = [self._show_results(moderation)]
            jobs += [self._show_results(self._by_commands(preset)) for preset in ("ocr", "product_tagging")]
            self._verify(jobs)
            self._console.print(f"\n[bold]Total[/bold] {report.totals(jobs)}")

    def _by_http(self, preset: str) -> str:
        """Submit with one request; the job's id."""
        items = [{"custom_id": name, "image": _data_url(name)} for name in photographs.of(preset)]
        order = {"preset": preset, "model": self._model.name, "items": items, "webhook_url": self._receiver.url}
        detail = {"detail": self._model.detail} if self._model.detail else {}
        return str(self._connection.post("/v1/jobs", order | detail)["id"])

    def _by_commands(self, preset: str) -> Job:
        """Submit and watch with the commands that a person would type."""
        pictures = photographs.of(preset)
        detail = ["--detail", self._model.detail] if self._model.detail else []
        options = ["--preset", preset, "--model", self._model.name, *detail, "--webhook-url", self._receiver.url]
        job_id = self._tessera("submit", *pictures, *options, capture=True).strip()
        self._tessera("watch", job_id, "--timeout", f"{JOB_SECONDS}s")
        job: Job = self._connection.get(f"/v1/jobs/{job_id}")
        return job

    def _tessera(self, *words: str, capture: bool = False) -> str:
        self._console.print(f"\n[bold]$ tessera {' '.join(words)}[/bold]", soft_wrap=True)
        done = subprocess.run(  # noqa: S603 - our own command
            command(*words),
            cwd=photographs.folder(),
            env=self._service.environment,
            stdout=subprocess.PIPE if capture else None,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Problem(f"`tessera {words[0]}` ended with exit code {done.returncode}.")
        return done.stdout if capture else ""

    def _show_results(self, job: Job) -> Job:
        with self._connection.stream(f"/v1/jobs/{job['id']}/results") as pieces:
            results = [orjson.loads(line) for line in b"".join(pieces).splitlines()]
        self._console.print(report.table(job, results))
        failed = [result["custom_id"] for result in results if result["status"] != "succeeded"]
        if job["status"] != "succeeded" or failed:
            raise Problem(f"{job['id']} ended {job['status']}; without an answer: {', '.join(failed) or 'none'}.")
        return job

    def _verify(self, jobs: list[Job]) -> None:
        """Every job's message has come, signed with the service's secret."""
        secret = self._connection.get("/v1/webhooks/default/secret")["secret"]
        awaited = {job["id"] for job in jobs}
        while awaited:
            event = self._receiver.verified(secret)
            awaited.discard(event["data"]["id"])
            self._console.print(
                f"Webhook {event['type']} for {event['data']['id']}: signature verified", soft_wrap=True
            )


def _data_url(name: str) -> str:
    path = photographs.folder() / name
    media_type = mimetypes.guess_type(path.name)[0]
    return f"data:{media_type};base64,{base64.b64encode(path.read_bytes()).decode()}"


def pictures() -> list[tuple[str, Path]]:
    """Every preset with each of its pictures."""
    return [
        (preset, photographs.folder() / name) for preset in photographs.PHOTOGRAPHS for name in photographs.of(preset)
    ]
