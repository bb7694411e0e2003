"""Jobs with a cap, on a real database: workers that die at any step, providers that bill one thing and tell another."""

import random
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.factories import make_job
from tests.queries import one, run
from vision.jobs.lifecycle import ItemStatus, Phase
from vision.kinds import Ending, Reply
from vision.prices import Booking, Count, Price, PriceSchedule, Usage
from vision.provider.catalogue.lane import Lane, Provider
from vision.provider.limits import Limit
from vision.storage.outcomes.outcome import Charge, Outcome
from vision.storage.outcomes.record import record
from vision.storage.outcomes.recordset import recordset
from vision.storage.queue import claims, marks, recovery
from vision.storage.queue.leased_item import LeasedItem
from vision.storage.queue.leases import Lessee
from vision.storage.queue.marks import Mark, Step
from vision.storage.specs import JobSpec, load
from vision.tokens import count_image, text
from worker.dispatch.charging import charge, confirms

PRICE = Price(Decimal("0.15"), Decimal("0.075"), Decimal("0.60"), source="test", cache_write=Decimal("0.19"))
RULES = (
    ("openai:gpt-4o-mini", "high"),
    ("openai:gpt-4o", "low"),
    ("openai:gpt-5.4", "high"),
    ("openai:gpt-6-astra", "original"),
    ("none", "auto"),
)
TELLINGS = ("honest", "less", "ten", "zero", "nothing", "more", "dearer")
"""`dearer`: it bills more than its published rule says, and tells so."""
SIZES = (1, 64, 511, 1_024, 2_000, 4_096)
WORDS = ("tile", "mosaic", "price", "limit", "image")
LEASE = Lessee("simulated", 3_600)


@dataclass
class Shop:
    """A provider: what it bills by its published rule, what it bills besides, and what it tells."""

    lane: Lane
    telling: str
    dice: random.Random
    published: Decimal = Decimal(0)
    billed: Decimal = Decimal(0)
    last: Decimal = Decimal(0)
    chance: Decimal = Decimal(0)
    unstated: Decimal = Decimal(0)
    """Charged above the rule for calls whose end nobody saw, so that nobody can tell of it."""

    def serve(self, item: LeasedItem, spec: JobSpec, sizes: list[tuple[int, int]], detail: str) -> Reply:
        """Bill one call, and answer it."""
        images = sum(count_image(self.lane.image_tokens, detail, *size).tokens for size in sizes)
        answer = " ".join(self.dice.choices(WORDS, k=self.dice.randint(1, 60)))
        usage = Usage(images + spec.prompt_tokens - self.dice.randint(0, 20), text.count(answer), images)
        self.published += PRICE.charge(usage)
        if self.telling == "dearer":
            usage = Usage(usage.input_tokens * 13 // 10, 2 * usage.output_tokens, images)
        self.last = PRICE.charge(usage)
        self.billed += self.last
        return Reply(Ending.ANSWERED, answer, self._tell(usage))

    def _tell(self, usage: Usage) -> Usage | None:
        match self.telling:
            case "less":
                return Usage(
                    int(usage.input_tokens * self.dice.random()), int(usage.output_tokens * self.dice.random())
                )
            case "ten":
                return Usage(10, usage.output_tokens)
            case "zero":
                return Usage(0, 0)
            case "nothing":
                return None
            case "more":
                return Usage(usage.input_tokens + 500, usage.output_tokens + 10)
            case _:
                return usage


@dataclass
class Spending:
    """One job until nothing more is done of it."""

    engine: AsyncEngine
    dice: random.Random
    shop: Shop
    spec: JobSpec
    sizes: dict[int, list[tuple[int, int]]]
    hands: list[list[LeasedItem]] = field(default_factory=list)
    late: list[Outcome] = field(default_factory=list)

    async def run(self, steps: int = 40) -> None:
        """Claims, answers, failures and deaths in random order."""
        for _ in range(steps):
            if self.hands and self.dice.random() < 0.6:
                await self._end(self.hands.pop(self.dice.randrange(len(self.hands))))
            elif claimed := await self._claim():
                self.hands.append(claimed)
            elif not self.hands:
                break
        while self.hands:
            await self._end(self.hands.pop())
        await record(self.engine, self.late) if self.late else None

    async def _claim(self) -> list[LeasedItem]:
        lane, want = self.shop.lane, self.dice.randint(1, 6)
        return await claims.claim(
            self.engine, lane.name, want, phase=Phase.CALL, lessee=LEASE, price=PRICE, rule=lane.image_tokens
        )

    async def _end(self, items: list[LeasedItem]) -> None:
        dies = self.dice.random() < 0.2
        sending = [item for item in items if self.dice.random() < 0.8]
        if sending:
            held = await marks.write(self.engine, [Mark(item, Step.SENT) for item in sending])
            sending = [item for item in sending if item.token in held]
        outcomes = [self._call(item, dies) for item in sending]
        if not dies:
            back = [Outcome(item, uses_attempt=False) for item in items if item not in sending]
            await record(self.engine, outcomes + back)
            return
        self.late += [outcome for outcome in outcomes if self.dice.random() < 0.2]
        ids = list({item.range_id for item in items})
        past = "UPDATE ranges SET lease_until = now() - interval '1 s' WHERE id = ANY(:ids) AND lease_token = :token"
        await run(self.engine, past, ids=ids, token=items[0].token)
        await recovery.reclaim(self.engine)
        await run(self.engine, "UPDATE ranges SET run_at = NULL, crashes = 0 WHERE lease_token IS NULL")

    def _excuse(self, item: LeasedItem, reply: Reply, made: Charge) -> None:
        """Who tells too little, and by chance just what a wrong size would have cost, is found out by nobody."""
        count = Count(self.spec.prompt_tokens, item.image_tokens or 0, 0, 0)
        if item.unseen and reply.usage and confirms(reply.usage, count):
            self.shop.chance += max(Decimal(0), self.shop.last - made.cost - made.doubt)

    def _call(self, item: LeasedItem, dies: bool) -> Outcome:
        """A call that is sent, and one of the ways in which it can end."""
        sizes = self.sizes[item.number]
        reply = self.shop.serve(item, self.spec, sizes, self.spec.detail)
        way = self.dice.random()
        if dies or way < 0.1:
            self.shop.unstated += max(Decimal(0), self.shop.last - item.reserved)
        if way < 0.1:  # nobody saw its end
            lost = Charge(self.shop.lane.name, "upstream_timeout", Usage(0, 0), item.reserved, known=False)
            return Outcome(item, lost, again_seconds=0.0)
        seen = sum(count_image(self.shop.lane.image_tokens, self.spec.detail, *size).tokens for size in sizes)
        made = _charge(
            self.shop.lane,
            charge(self.shop.lane, item, self.spec, (item.image_tokens or 0) if item.unseen else seen, reply),
        )
        self._excuse(item, reply, made)
        if way < 0.2:  # the answer did not fit, and is asked for again
            return Outcome(item, made, again_seconds=0.0)
        return Outcome(item, made, ItemStatus.SUCCEEDED, answer={"text": reply.text})


async def spend(engine: AsyncEngine, seed: int) -> tuple[Shop, UUID]:
    """One case: a job of its own, with a cap and a provider of its own."""
    dice = random.Random(seed)
    rule, detail = dice.choice(RULES)
    lane = _lane(f"fake-{seed}", rule)
    sizes = {n: [_size(dice) for _ in range(dice.randint(1, 3))] for n in range(1, dice.randint(2, 14))}
    job_id = await make_job(
        engine, ["http://host/a.jpg"] * len(sizes), lane=lane.name, tokens=0, detail=detail,
        prompt_tokens=dice.choice((60, 400, 3_000)), max_output_tokens=dice.choice((100, 1_000)), schema=None,
        max_cost=Decimal(dice.randint(1, 2_000)) / 100_000,
    )  # fmt: skip
    by_url = rule != "none" and dice.random() < 0.5
    rows = [_declared(dice, number, true, by_url, rule, detail) for number, true in sizes.items()]
    await run(engine, _SIZES, rows=recordset(rows), job=job_id)
    shop = Shop(lane, dice.choice(TELLINGS), dice)
    await Spending(engine, dice, shop, await load(engine, job_id), sizes).run()
    return shop, job_id


def _charge(lane: Lane, made: Booking) -> Charge:
    return Charge(
        lane.name, "answered", made.usage, made.cost, made.known,
        counted=made.counted, doubt=made.doubt, excess=made.excess,
    )  # fmt: skip


_SIZES = """
    UPDATE items i SET image_tokens = x.tokens, unseen = x.unseen, images = array_fill(i.images[1], ARRAY[x.images])
    FROM json_to_recordset(CAST(:rows AS json)) AS x(number int, tokens int, unseen bool, images int)
    WHERE i.job_id = :job AND i.number = x.number
"""


def _declared(
    dice: random.Random, number: int, true: list[tuple[int, int]], by_url: bool, rule: str, detail: str
) -> dict[str, int]:
    """What the record knows of an item: its true size, or one that was declared, rightly or wrongly."""
    unseen = by_url and dice.random() < 0.5
    known = [_size(dice) for _ in true] if unseen and dice.random() < 0.6 else true
    tokens = sum(count_image(rule, detail, *size).tokens for size in known)
    return {"number": number, "tokens": tokens, "unseen": unseen, "images": len(true)}


def _size(dice: random.Random) -> tuple[int, int]:
    return dice.choice(SIZES), dice.choice(SIZES)


def _lane(name: str, rule: str) -> Lane:
    account = Provider(name, "http://fake.example/v1", SecretStr("x"), "chat", "url")
    return Lane(f"{name}/m", account, "m", Limit(1_000_000, 1_000_000), rule, PriceSchedule("m", PRICE), None)


async def check(engine: AsyncEngine, seed: int) -> str:
    """Run one case; what was promised holds. Which kind of provider it was."""
    shop, job_id = await spend(engine, seed)
    job = await one(engine, "SELECT * FROM jobs WHERE id = :id", id=job_id)
    assert shop.published - shop.chance <= job.max_cost, f"case {seed}: {shop.telling}"
    stated = shop.billed - shop.unstated - shop.chance
    assert stated <= job.max_cost + job.excess_cost, f"case {seed}: {shop.telling}, above its rule"
    assert stated <= job.spent + job.doubted_cost + job.unknown_cost, f"case {seed}: {shop.telling}, the books"
    await run(engine, "DELETE FROM turns WHERE job_id = :id", id=job_id)
    await run(engine, "DELETE FROM ranges WHERE job_id = :id", id=job_id)
    return shop.telling
