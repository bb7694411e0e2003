"""Numbers of any size, truths for numbers, depths, crowds and NULs get a 400 with their place; never a 500."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import orjson
import pytest
from pydantic import BaseModel

from api import schemas
from api.schemas import EstimateBody, JobBody
from tests.integration.api.test_jobs import SCHEMA, URL
from vision.jobs.untrusted import MAX_VALUES

HUGE = [2**64, 10**30, -(2**63) - 1, 10**4000]
NDJSON = {"content-type": "application/x-ndjson"}
JSON = {"content-type": "application/json"}
WHOLE = ("max_side", "max_output_tokens", "priority", "weight", "deadline_seconds")


def text(value: Any) -> str:
    """JSON, also of numbers that a careful writer refuses."""
    if isinstance(value, dict):
        return "{" + ",".join(f'"{name}":{text(each)}' for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(text, value)) + "]"
    return f"1{'0' * 4000}" if value == 10**4000 else str(value) if type(value) is int else orjson.dumps(value).decode()


def places(number: int) -> dict[str, tuple[dict[str, Any], str | None]]:
    """Bodies with the number somewhere, and the parameter that is to be named."""
    asked = {"preset": "ocr", "items": [{"image": URL}]}
    own = {"prompt": "?", "items": [{"image": URL}]}
    schema = SCHEMA | {"properties": {"name": {"type": "string", "maxLength": number}}}
    return {
        "metadata": (asked | {"metadata": {"a": [{"b": number}]}}, "metadata"),
        "item metadata": (asked | {"items": [{"image": URL, "metadata": {"a": number}}]}, "metadata"),
        "schema": (own | {"schema": schema}, "schema"),
        "width": (asked | {"items": [{"image": URL, "width": number, "height": 9}]}, "width"),
        **{field: (asked | {field: number}, field) for field in WHOLE},
    }


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/estimates"])
@pytest.mark.parametrize("number", HUGE, ids=["2**64", "10**30", "-2**63-1", "10**4000"])
async def test_numbers_beyond_64_bit_are_refused_by_name(client: httpx2.AsyncClient, path: str, number: int) -> None:
    for name, (body, param) in places(number).items():
        answer = await client.post(path, content=text(body), headers=JSON)
        assert (answer.status_code, name) == (400, name)
        assert answer.json()["error"]["param"] == param or "infinity" in answer.text, (name, answer.text)


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/estimates"])
async def test_the_same_in_a_query_string(client: httpx2.AsyncClient, path: str) -> None:
    line = orjson.dumps({"image": URL})
    for number in HUGE:
        for field in (*WHOLE, "metadata", "schema"):
            value = text({"a": number}) if field in {"metadata", "schema"} else text(number)
            query = {"preset": "ocr", field: value}
            if field == "schema":
                query = {"prompt": "?", field: value}
            answer = await client.post(path, params=query, content=line, headers=NDJSON)
            assert (answer.status_code, field) == (400, field)


async def test_the_same_in_a_manifest_names_the_line(client: httpx2.AsyncClient) -> None:
    good, bad = {"image": URL, "metadata": {"a": 2**63}}, {"image": URL, "metadata": {"a": 2**64}}
    wide = {"image": URL, "width": 10**30, "height": 1}
    manifest = "\n".join(map(text, [good, bad, good, wide]))
    file = (await client.post("/v1/files", files={"file": manifest.encode()})).json()["id"]
    sent = [
        await client.post("/v1/jobs", params={"preset": "ocr"}, content=manifest, headers=NDJSON),
        await client.post("/v1/jobs", json={"preset": "ocr", "input_file_id": file}),
    ]
    for answer in sent:
        assert answer.status_code == 400
        assert [(error["line"], error["param"]) for error in answer.json()["errors"]] == [(2, "metadata"), (4, "width")]


async def test_the_largest_numbers_come_back_as_they_were(client: httpx2.AsyncClient) -> None:
    metadata = {"most": 2**64 - 1, "least": -(2**63), "float": 1.5e-300}
    body = {"preset": "ocr", "items": [{"image": URL, "metadata": metadata}], "metadata": metadata}
    assert (await client.post("/v1/jobs", json=body)).json()["metadata"] == metadata


@pytest.mark.parametrize("value", [1e19 * 2, 1e300, -1e19])
async def test_floats_that_would_come_back_as_huge_integers_are_refused(
    client: httpx2.AsyncClient, value: float
) -> None:
    answer = await client.post("/v1/jobs", json={"preset": "ocr", "items": [{"image": URL}], "metadata": {"a": value}})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "metadata")


def bodies() -> Iterator[type[BaseModel]]:
    """Every body that the API reads."""
    waiting: list[type[BaseModel]] = [schemas.Body]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        yield kind


def numbers(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Schemas of whole numbers in a field's schema."""
    yield from (one for one in schema.get("anyOf", [schema]) if one.get("type") == "integer")


@pytest.mark.parametrize("kind", list(bodies()), ids=lambda kind: kind.__name__)
def test_every_whole_number_has_bounds(kind: type[BaseModel]) -> None:
    for name, field in kind.model_json_schema()["properties"].items() if kind is not schemas.Body else ():
        for number in numbers(field):
            assert -(2**31) <= number["minimum"] < number["maximum"] < 2**31, name


@pytest.mark.parametrize("kind", [JobBody, EstimateBody])
async def test_true_is_no_number(client: httpx2.AsyncClient, kind: type[BaseModel]) -> None:
    fields = [name for name, field in kind.model_json_schema()["properties"].items() if any(numbers(field))]
    assert set(fields) == set(WHOLE)
    path = "/v1/jobs" if kind is JobBody else "/v1/estimates"
    for field in (*fields, "max_cost"):
        answer = await client.post(path, json={"preset": "ocr", "items": [{"image": URL}], field: True})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, field)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (lambda: b'{"items":' + b"[" * 10_000, "invalid_json"),
        (lambda: b'{"preset":"ocr","items":[' + b"[]," * MAX_VALUES + b"[]]}", "too_many_values"),
        (lambda: b'{"preset":"ocr","items":[],"metadata":' + b'{"a":' * 70 + b"1" + b"}" * 71, "invalid_request"),
        (lambda: b'{"preset":"ocr","items":[],"metadata":{"a":' + b"[" * 500 + b"]" * 500 + b"}}", "invalid_request"),
        (lambda: b'{"preset":"ocr","max_cost":"' + b"1" * 1_000_000 + b'"}', "invalid_request"),
        (lambda: b'{"preset":"ocr","max_cost":' + b"1" * 1_000_000 + b"}", "invalid_json"),
        (lambda: b'{"prompt":"\\u0000","items":[]}', "invalid_request"),
        (lambda: b'{"preset":"ocr","metadata":{"\\u0000":1}}', "invalid_request"),
        (lambda: b'{"preset":"\\ud800"}', "invalid_json"),
        (lambda: b'{"preset":"ocr","metadata":{"a":NaN}}', "invalid_json"),
        (lambda: b'{"preset":"ocr","metadata":{"a":1e999}}', "invalid_json"),
        (lambda: b"\xff", "invalid_json"),
        (lambda: b"[]", "invalid_request"),
    ],
    ids=[
        "endless",
        "crowd",
        "deep",
        "deeper",
        "long text",
        "long number",
        "nul",
        "nul name",
        "surrogate",
        "nan",
        "inf",
        "no utf-8",
        "list",
    ],
)
@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/estimates", "/v1/keys"])
async def test_what_cannot_be_taken_in_is_refused(
    client: httpx2.AsyncClient, path: str, body: Callable[[], bytes], code: str
) -> None:
    answer = await client.post(path, content=body(), headers=JSON)
    if path == "/v1/keys":
        assert answer.status_code in {400, 413}
    else:
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, code), answer.text


async def test_a_nul_in_a_query_is_refused_by_name(client: httpx2.AsyncClient) -> None:
    for field in ("prompt", "model", "language", "webhook_url"):
        query = {"prompt": "?", field: "a\0"}
        answer = await client.post("/v1/jobs", params=query, content=orjson.dumps({"image": URL}), headers=NDJSON)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, field)


async def test_commas_in_texts_are_no_values(client: httpx2.AsyncClient) -> None:
    body = {"prompt": "," * (MAX_VALUES + 10), "items": [{"image": URL}]}
    assert (await client.post("/v1/jobs", json=body)).json()["error"]["code"] != "too_many_values"
