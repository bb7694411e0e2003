"""One Celery task for each image, with the official SDK: a simple first program. The other reference for overhead.

`celery -A benchmarks.references.naive worker` reads NAIVE_BROKER, NAIVE_BASE_URL and NAIVE_BODY from the environment: a
file with a request's JSON body, in which each task changes the image's address.
"""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import openai
from celery import Celery

TASK = "benchmarks.references.naive.call"

app = Celery("naive", broker=os.environ.get("NAIVE_BROKER"), set_as_current=False)


@app.task(name=TASK, ignore_result=True)
def call(image: str) -> None:
    """Make a call, read the answer, store nothing."""
    body = _body()
    [shown] = body["messages"][1]["content"]
    content = [{**shown, "image_url": {**shown["image_url"], "url": image}}]
    reply = _client().chat.completions.create(
        model=body["model"],
        messages=[body["messages"][0], {"role": "user", "content": content}],
        response_format=body["response_format"],
        max_completion_tokens=body["max_completion_tokens"],
    )
    json.loads(reply.choices[0].message.content or "")


@cache
def _body() -> dict[str, Any]:
    body: dict[str, Any] = json.loads(Path(os.environ["NAIVE_BODY"]).read_text())
    return body


@cache
def _client() -> openai.OpenAI:
    """Made in the process that uses it, so that no pool forks with connections."""
    return openai.OpenAI(base_url=os.environ["NAIVE_BASE_URL"], api_key="sk-test")
