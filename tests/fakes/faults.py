"""Scripted trouble: which call is hit (`Script`), what its answer becomes (`shape`), what the wire does (`deliver`).

A fault is a kind, or an object with `kind` and what it takes:
  status              `status`=500, `body`, `headers`, `seconds` to wait first
  rate_limited        429 with a wait of `seconds`=1; `headers`: false leaves the wait out of the headers
  insufficient_quota  429 that no waiting helps
  download_timeout    400 "Timeout while downloading", although nothing is wrong with the image
  hang                before headers, for `seconds` (default: until the client leaves)
  hang_body           after half of the body
  drip                a byte every `seconds`=0.1
  reset               bills, then RST instead of an answer
  malformed, html, empty         200 with half a JSON, an HTML page, nothing
  refusal, content_filter, length, schema_invalid, text (`text`)
  missing_usage, usage (`usage`: laid over the usual one), lying_headers (`headers`)
Any of them takes `billed`: true or false, against its default.
"""

import asyncio
import random
import re
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.answers import break_schema
from tests.fakes.calls import Call, Rejected
from tests.fakes.charges import cut, text_tokens
from tests.fakes.replies import Answer, no_quota, wait_headers
from tests.fakes.serving import Reply, Request

REFUSING = frozenset(("status", "rate_limited", "insufficient_quota", "download_timeout"))
SHAPING = frozenset(("refusal", "content_filter", "length", "schema_invalid", "text"))
ACCOUNTING = frozenset(("missing_usage", "usage", "lying_headers"))
ON_THE_WIRE = frozenset(("hang", "hang_body", "drip", "reset", "malformed", "html", "empty"))
KINDS = REFUSING | SHAPING | ACCOUNTING | ON_THE_WIRE
CONDITIONS = frozenset(
    ("url_contains", "text_contains", "model", "key", "api", "size", "nth", "every", "share", "over")
)
# `/512x512/fault-status-503~2.item7.jpg`: the first two calls for this image get a 503.
MAGIC = re.compile(r"/fault-([a-z_]+)(?:-(\d{3}))?(?:~(\d+))?(?![a-z_])")
LIES = {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1m0s"}
FOREVER = 10**9


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of trouble and what it takes."""

    kind: str
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def billed(self) -> bool:
        """Whether the tokens are paid for although no good answer arrives."""
        return bool(self.options.get("billed", self.kind not in REFUSING))

    @property
    def at_the_door(self) -> bool:
        """Refused before it counts toward the limits."""
        return self.kind in REFUSING and self.options.get("status", 429) < 500


def parse(spec: Any) -> Fault:
    """`"refusal"` or `{"kind": "status", "status": 503}` → Fault; ValueError."""
    options = {"kind": spec} if isinstance(spec, str) else dict(spec)
    kind = options.pop("kind", None)
    if kind not in KINDS:
        raise ValueError(f"Unknown fault {kind!r}; one of {', '.join(sorted(KINDS))}.")
    if kind == "status":
        options.setdefault("status", 500)
    return Fault(kind, options)


@dataclass(slots=True)
class FaultRule:
    """One line of the script; all conditions must hold. `over`: calls a second that pass, evenly, as by nginx."""

    match: dict[str, Any]
    fault: Fault
    times: int | None
    until: float
    seen: int = 0
    used: int = 0
    admitted: float = float("-inf")

    def matches(self, call: Call) -> bool:
        """All but nth, every, share and over."""
        match = self.match
        return (
            match.get("model", call.model) == call.model
            and match.get("key", call.key) == call.key
            and match.get("api", call.api) == call.api
            and match.get("url_contains", "") in call.sources
            and ("text_contains" not in match or any(match["text_contains"] in text for text in call.texts))
            and ("size" not in match or match["size"] in [f"{p.width}x{p.height}" for p in call.pictures])
        )

    def due(self, dice: random.Random, now: float) -> bool:
        """Of the calls that match, whether this one is hit."""
        if "over" in self.match:
            if now - self.admitted >= 1 / self.match["over"]:
                self.admitted = now
                return False
            return True
        nth = self.match.get("nth", self.seen)
        return (
            (self.times is None or self.used < self.times)
            and (self.seen in nth if isinstance(nth, list) else self.seen == nth)
            and self.seen % self.match.get("every", 1) == 0
            and dice.random() < self.match.get("share", 1.1)
        )


class Script:
    """Faults in the order given; the first that is due hits."""

    def __init__(self, seed: int) -> None:
        self.entries: list[FaultRule] = []
        self._dice = random.Random(seed)
        self._magic: dict[str, int] = {}

    def add(self, lines: list[dict[str, Any]], now: float) -> None:
        """`[{"match": {…}, "times": 2, "for_seconds": 60, "fault": …}]`; without `times` always. ValueError."""
        for line in lines:
            match = line.get("match") or {}
            if unknown := set(match) - CONDITIONS:
                raise ValueError(f"Unknown conditions {unknown}; known are {', '.join(sorted(CONDITIONS))}.")
            until = now + line.get("for_seconds", FOREVER)
            self.entries.append(FaultRule(match, parse(line["fault"]), line.get("times"), until))

    def draw(self, call: Call, now: float) -> Fault | None:
        """The fault for this call, used up by it."""
        hit = None
        for entry in self.entries:
            if now < entry.until and entry.matches(call):
                entry.seen += 1
                if hit is None and entry.due(self._dice, now):
                    entry.used += 1
                    hit = entry.fault
        return hit or (self._by_path(call) if "/fault-" in call.sources else None)

    def _by_path(self, call: Call) -> Fault | None:
        found = MAGIC.search(call.sources)
        if not found or found[1] not in KINDS:
            return None
        used = self._magic[call.sources] = self._magic.get(call.sources, 0) + 1
        if found[3] and used > int(found[3]):
            return None
        return parse({"kind": found[1]} | ({"status": int(found[2])} if found[2] else {}))


def refuse(fault: Fault, call: Call) -> tuple[Rejected, dict[str, str]]:
    """The error and headers of a refusing fault."""
    options = fault.options
    if fault.kind == "insufficient_quota":
        return no_quota(), {}
    if fault.kind == "rate_limited":
        seconds = options.get("seconds", 1)
        text = f"Rate limit reached for {call.model}. Please try again in {seconds}s."
        wait = {} if options.get("headers") is False else wait_headers(int(seconds * 1000))
        return Rejected(429, text, "rate_limit_exceeded", kind="tokens"), wait
    if fault.kind == "download_timeout":
        url = call.sources.partition("\n")[0]
        return Rejected(400, f"Timeout while downloading {url}.", "invalid_image_url"), {}
    error = Rejected(options["status"], "Scripted fault.", None, kind="server_error")
    error.body = options.get("body", error.body)
    return error, options.get("headers", {})


def shape(fault: Fault, answer: Answer) -> Answer:
    """The answer as the fault would have it."""
    if fault.kind in ("refusal", "content_filter"):
        answer.finish = fault.kind
    elif fault.kind == "length":
        answer.finish, answer.text = "length", cut(answer.text, text_tokens(answer.text) // 2)
    elif fault.kind == "schema_invalid":
        answer.text = break_schema(answer.text)
    elif fault.kind == "text":
        answer.text = fault.options["text"]
    elif fault.kind == "missing_usage":
        answer.usage = None
    elif fault.kind == "usage":
        answer.usage_overrides = fault.options["usage"]
    return answer


async def deliver(fault: Fault, reply: Reply, request: Request) -> Reply | None:
    """Send a ready reply with the fault's trouble on the wire; None when the connection is spent."""
    kind, options = fault.kind, fault.options
    if kind == "lying_headers":
        reply.headers = {**reply.headers, **options.get("headers", LIES)}
    elif kind == "malformed":
        reply.body = reply.body[: len(reply.body) // 2]
    elif kind == "html":
        reply.status, reply.content_type = options.get("status", 200), "text/html"
        reply.body = b"<!doctype html><title>Bad gateway</title><h1>Something is in the way</h1>"
    elif kind == "empty":
        reply.body = b""
    elif kind == "status":
        await asyncio.sleep(options.get("seconds", 0))
    elif kind == "hang":
        await asyncio.sleep(options.get("seconds", FOREVER))
    elif kind in ("hang_body", "drip", "reset"):
        await _spoil(kind, options, reply, request)
        return None
    return reply


async def _spoil(kind: str, options: dict[str, Any], reply: Reply, request: Request) -> None:
    wire = request.wire
    if kind == "reset":
        wire.reset()
        return
    await wire.send(reply.head())
    if kind == "hang_body":
        await wire.send(reply.body[: len(reply.body) // 2])
        await asyncio.sleep(FOREVER)
    for byte in reply.body:
        await wire.send(bytes([byte]))
        await asyncio.sleep(options.get("seconds", 0.1))
