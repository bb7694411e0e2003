"""A fake OpenAI: chat completions and responses with images, true token charges, buckets, scripted faults.

python -m tests.fakes.provider --port 9000 --key sk-test --limit gpt-4o-mini=500/200000 --charge max --latency 0.05

Calls: POST /v1/chat/completions, /v1/responses, /v1/messages, /v1/moderations; GET /v1/models.
Admin: POST /_/faults (a list, see faults.py), /_/limits {"model": {"rpm", "tpm"}}, /_/latency {"latency", "jitter"}
(latency null: calls are answered once it is set again), /_/levels {"share"} (buckets are this full now, also those
that nobody has used yet), /_/stranger {"model", "part"} (somebody else takes so much of it, in bursts; 0 ends it),
/_/dialect {"refuses": [fields], "style"} (see dialects.py), /_/forget (an empty log, nothing else), /_/reset;
GET /_/log?after&limit, /_/stats?window=60, /_/levels, /_/stranger (epoch seconds and tokens of its calls), /_/faults.
"""

import argparse
import asyncio
import json
import random
import time
from pathlib import Path
from typing import Any

import orjson

from tests.fakes import calls, faults, moderation, replies
from tests.fakes.answers import say
from tests.fakes.buckets import Lane
from tests.fakes.calls import Call, Rejected
from tests.fakes.charges import (
    RULES,
    TooManyPatches,
    UnsupportedDetail,
    cut,
    family,
    image_tokens,
    text_tokens,
)
from tests.fakes.dialects import Dialect
from tests.fakes.journal import Journal, JournalEntry, Tally, request_id
from tests.fakes.pictures import BadImage, Pictures
from tests.fakes.serving import Reply, Request, arguments, as_json, run
from tests.fakes.stranger import Stranger

APIS = {
    "/v1/chat/completions": "chat",
    "/v1/responses": "responses",
    "/v1/messages": "messages",
    "/v1/moderations": "moderation",
}
READ = {"chat": calls.chat, "responses": calls.responses, "messages": calls.messages, "moderation": moderation.read}
WRITE = {
    "chat": replies.chat,
    "responses": replies.responses,
    "messages": replies.messages,
    "moderation": moderation.write,
}
IMAGES_IN = {"chat": "messages", "messages": "messages", "responses": "input", "moderation": "input"}


class Provider:
    """One account: keys, models, limits; all state of the fake."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.keys = frozenset(options.key)
        self.rules = dict.fromkeys(moderation.MODELS, "none") | dict(pair.split("=") for pair in options.model)
        self.limits = dict(_limit(text) for text in options.limit)
        self.pictures = Pictures()
        self.lanes: dict[tuple[str, str], Lane] = {}
        self.number = 0
        self.held = asyncio.Event()
        self.strangers: list[tuple[Stranger, asyncio.Task[None]]] = []
        self.reset()

    def reset(self) -> None:
        """Full buckets, no faults, an empty log. Request ids go on."""
        self.lanes.clear()
        self.share, self.share_at = 1.0, 0.0
        self.forget()
        self.script = faults.Script(self.options.seed)
        self.dialect = Dialect()
        self.dice = random.Random(self.options.seed)

    def forget(self) -> None:
        """An empty log; a call under way is counted in the old one to its end."""
        self.journal = Journal(self.options.log_size)

    async def handle(self, request: Request) -> Reply | None:
        """Every route."""
        api = APIS.get(request.path)
        if api and request.method == "POST":
            return await self._call(api, request)
        if request.path.startswith("/_/"):
            return self._administer(request)
        if request.path == "/v1/models":
            names = sorted((RULES.keys() - {"none"}) | self.rules.keys())
            data = [{"id": name, "object": "model", "created": 0, "owned_by": "fake"} for name in names]
            return as_json({"object": "list", "data": data})
        return as_json(Rejected(404, f"Unknown route {request.path}.", "not_found").body, 404)

    async def _call(self, api: str, request: Request) -> Reply | None:
        self.number += 1
        turn = Turn(self, self.number, request)
        call = Call(api, "", "")
        try:
            call = self._read(api, request)
            journal = self.journal
            tally = journal.tally(call.key, family(call.model) or call.model)
            journal.enter(tally)
            try:
                return await self._serve(turn, call, tally)
            finally:
                journal.leave(tally)
        except Rejected as error:
            turn.note(call, error.status)
            return turn.reply(error.body, error.status)

    def _read(self, api: str, request: Request) -> Call:
        key = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        if api == "messages":
            key = request.headers.get("x-api-key", "") if request.headers.get("anthropic-version") else ""
        if key not in self.keys:
            text = f"Incorrect API key provided: {key[:7]}***. You can find yours at https://platform.openai.com."
            raise Rejected(401, text, "invalid_api_key")
        try:
            self.dialect.check(request.json())
            call = calls.read(READ[api], api, key, request.json())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            text = f"We could not parse the JSON body of your request: {error!r}."
            raise Rejected(400, text, None) from None
        if not self._rule(call.model):
            text = f"The model `{call.model}` does not exist or you do not have access to it."
            raise Rejected(404, text, "model_not_found")
        return call

    def _rule(self, model: str) -> str | None:
        return self.rules.get(model) or family(model)

    async def _serve(self, turn: "Turn", call: Call, tally: Tally) -> Reply | None:
        usage, answer = await self._prepare(call)
        output = call.max_tokens if self.options.charge == "max" and call.max_tokens else usage.output
        charge = round(self.options.factor * (usage.input + output))
        now = asyncio.get_running_loop().time()
        lane = self._lane(call)
        if refusal := lane.refusal(now, charge):
            tally.refused += 1
            if self.options.count_refused:
                lane.requests.take(now, 1)
            error = replies.refused(call.model, refusal)
            turn.headers |= lane.headers(now)
            if refusal.wait is not None and not self.options.no_retry_after:
                turn.headers |= replies.wait_headers(refusal.wait + 1)
            raise error
        fault = self.script.draw(call, now)
        if not (fault and fault.at_the_door):
            turn.charged = charge
            lane.charge(now, charge)
        turn.headers |= lane.headers(now)
        if fault is None or fault.billed:
            turn.billed = usage
        return await (self._trouble(turn, call, answer, fault) if fault else self._good(turn, call, answer))

    async def _good(self, turn: "Turn", call: Call, answer: replies.Answer) -> Reply:
        turn.note(call, 200)
        await self._think(turn)
        if self.options.remaining == "answer":
            turn.headers |= self._lane(call).headers(asyncio.get_running_loop().time())
        return turn.reply(WRITE[call.api](call, answer, turn.id, int(turn.time)))

    async def _trouble(self, turn: "Turn", call: Call, answer: replies.Answer, fault: faults.Fault) -> Reply | None:
        if fault.kind in faults.REFUSING:
            error, headers = faults.refuse(fault, call)
            turn.note(call, error.status, fault.kind)
            turn.headers |= headers
            reply = turn.reply(error.body, error.status)
        else:
            turn.note(call, 0 if fault.kind == "reset" else 200, fault.kind)
            body = WRITE[call.api](call, faults.shape(fault, answer), turn.id, int(turn.time))
            await self._think(turn)
            reply = turn.reply(body)
        return await faults.deliver(fault, reply, turn.request)

    async def _prepare(self, call: Call) -> tuple[replies.Usage, replies.Answer]:
        """What the call will be billed, and the answer it would get."""
        usage = replies.Usage(image=await self._measure(call))
        if call.api == "moderation":
            return usage, replies.Answer("")
        usage.input = usage.image + 3 + sum(3 + text_tokens(text) for text in call.texts)
        usage.input += text_tokens(call.schema_text)
        answer = replies.Answer(say(call), usage=usage)
        usage.output = self.options.output_tokens or text_tokens(answer.text)
        if call.max_tokens and usage.output > call.max_tokens:
            usage.output, answer.finish = call.max_tokens, "length"
            answer.text = cut(answer.text, call.max_tokens)
        return usage, answer

    async def _measure(self, call: Call) -> int:
        rule = self._rule(call.model) or "none"
        param = IMAGES_IN[call.api]
        total = 0
        try:
            for url, detail in call.images:
                picture = await self.pictures.look(url)
                call.pictures.append(picture)
                total += image_tokens(rule, detail, picture.width, picture.height)
        except BadImage as error:
            raise Rejected(400, str(error), error.code) from None
        except UnsupportedDetail as error:
            text = f"Invalid value: '{error}' for detail."
            raise Rejected(400, text, "invalid_value", param=param) from None
        except TooManyPatches as error:
            text = (
                f"The image you provided requires {error.patches} patches after processing, exceeding the limit of "
                "30000. Please resize the image and try again."
            )
            raise Rejected(400, text, "invalid_value", param=param) from None
        return total

    def _lane(self, call: Call) -> Lane:
        name = family(call.model) or call.model
        if (call.key, name) not in self.lanes:
            rpm, tpm = self.limits.get(call.model) or self.limits.get(name, (self.options.rpm, self.options.tpm))
            at = self.share_at or asyncio.get_running_loop().time()
            self.lanes[call.key, name] = Lane(rpm, tpm, at, self.share)
        return self.lanes[call.key, name]

    async def _think(self, turn: "Turn") -> None:
        latency, jitter = self.options.latency, self.options.jitter
        if latency is None:
            await self.held.wait()
            return
        seconds = max(0.0, latency + jitter * (2 * self.dice.random() - 1)) if jitter else latency
        turn.headers["openai-processing-ms"] = str(int(seconds * 1000))
        if seconds:
            await asyncio.sleep(seconds)

    def _administer(self, request: Request) -> Reply:
        now = asyncio.get_running_loop().time()
        act = {"GET": self._tell, "POST": self._change}.get(request.method)
        try:
            told = act(request, now) if act else None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return as_json({"error": str(error)}, 400)
        return as_json({"error": "No such admin route."}, 404) if told is None else as_json(told)

    def _tell(self, request: Request, now: float) -> Any:
        match request.path:
            case "/_/log":
                after, limit = int(request.query.get("after", 0)), int(request.query.get("limit", 100_000))
                return self.journal.page(after, limit)
            case "/_/stats":
                return self.journal.stats(int(request.query.get("window", 60)))
            case "/_/levels":
                return self._levels(now)
            case "/_/stranger":
                began = time.time() - now
                return [[began + at, tokens] for stranger, _ in self.strangers for at, tokens in stranger.took]
            case "/_/faults":
                return [[entry.fault.kind, entry.seen, entry.used] for entry in self.script.entries]
        return None

    def _change(self, request: Request, now: float) -> Any:
        match request.path:
            case "/_/faults":
                self.script.add(request.json(), now)
            case "/_/limits":
                self._resize(request.json(), now)
            case "/_/levels":
                self._fill(float(request.json()["share"]), now)
            case "/_/latency":
                vars(self.options).update({"jitter": 0.0, **request.json()})
                self.held.set()
                self.held = asyncio.Event()
            case "/_/stranger":
                self._invite(str(request.json()["model"]), float(request.json()["part"]))
            case "/_/dialect":
                self.dialect = Dialect(**request.json())
            case "/_/forget":
                self.forget()
            case "/_/reset":
                self.reset()
            case _:
                return None
        return {"ok": True}

    def _resize(self, limits: dict[str, dict[str, int]], now: float) -> None:
        for model, limit in limits.items():
            self.limits[model] = limit["rpm"], limit["tpm"]
            for (_, name), lane in self.lanes.items():
                if name == (family(model) or model):
                    lane.requests.resize(now, limit["rpm"])
                    lane.tokens.resize(now, limit["tpm"])

    def _levels(self, now: float) -> dict[str, Any]:
        """What each lane that was used can take at `at` (epoch seconds)."""
        lanes = [
            {"model": name, "requests": lane.requests.remaining(now), "tokens": lane.tokens.remaining(now)}
            for (_, name), lane in self.lanes.items()
        ]
        return {"at": time.time(), "lanes": lanes}

    def _invite(self, model: str, part: float) -> None:
        for _, task in self.strangers:
            task.cancel()
        if part:
            stranger = Stranger(self._lane(Call("", model, self.options.key[0])), part)
            self.strangers.append((stranger, asyncio.get_running_loop().create_task(stranger.run())))

    def _fill(self, share: float, now: float) -> None:
        self.share, self.share_at = share, now
        for lane in self.lanes.values():
            for bucket in (lane.requests, lane.tokens):
                bucket.fill(now, share)


class Turn:
    """One call on its way through: its id, headers, and what it is billed."""

    def __init__(self, provider: Provider, number: int, request: Request) -> None:
        self.provider = provider
        self.request = request
        self.number = number
        self.id = request_id(number)
        self.time = time.time()
        self.charged = 0
        self.billed = replies.Usage()
        self.headers: dict[str, str] = {"x-request-id": self.id, "openai-organization": replies.ORGANIZATION}

    def note(self, call: Call, status: int, fault: str | None = None) -> None:
        """Write it into the log, before the latency: a client that leaves is billed all the same."""
        bill, client_id = self.billed, self.request.headers.get("x-client-request-id")
        model = family(call.model) or call.model
        entry = (bill.input, bill.output, bill.image, self.charged, status, client_id, fault)
        self.provider.journal.note(JournalEntry(self.number, self.time, call.key, model, call.sources, *entry))

    def reply(self, body: Any, status: int = 200) -> Reply:
        """JSON (or bytes or text, for scripted bodies) with this call's headers."""
        data = body.encode() if isinstance(body, str) else orjson.dumps(body)
        return Reply(status, data, self.headers)


def _limit(text: str) -> tuple[str, tuple[int, int]]:
    """`gpt-4o-mini=500/200000` → model, (rpm, tpm); 0 is no limit."""
    model, _, numbers = text.partition("=")
    rpm, _, tpm = numbers.replace("_", "").partition("/")
    return model, (int(rpm), int(tpm))


def options(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line; `--config` is a JSON file with the same names."""
    parser = arguments("A fake OpenAI API.")
    parser.add_argument("--config", type=Path)
    parser.add_argument("--key", action="append", default=[], help="accepted API keys; default sk-test")
    parser.add_argument("--limit", action="append", default=[], metavar="MODEL=RPM/TPM")
    parser.add_argument("--rpm", type=int, default=0, help="of models without --limit; 0: none")
    parser.add_argument("--tpm", type=int, default=0)
    parser.add_argument("--model", action="append", default=[], metavar="NAME=RULE", help="a relay's own name")
    parser.add_argument("--charge", choices=("usage", "max"), default="usage")
    parser.add_argument("--factor", type=float, default=1.0, help="what the limit is charged for a token")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds")
    parser.add_argument("--jitter", type=float, default=0.0, help="plus or minus seconds")
    parser.add_argument("--output-tokens", type=int, default=0, help="billed instead of the answer's own count")
    parser.add_argument("--remaining", choices=("admission", "answer"), default="admission", help="when headers count")
    parser.add_argument("--count-refused", action="store_true", help="a 429 counts as a request, too")
    parser.add_argument("--no-retry-after", action="store_true")
    parser.add_argument("--log-size", type=int, default=2_000_000)
    parser.add_argument("--seed", type=int, default=1)
    found = parser.parse_args(argv)
    if found.config:
        parser.set_defaults(**json.loads(found.config.read_text()))
        found = parser.parse_args(argv)
    found.key = found.key or ["sk-test"]
    return found


if __name__ == "__main__":
    chosen = options()
    run(Provider(chosen).handle, chosen)
