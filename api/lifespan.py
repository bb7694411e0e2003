"""What the API holds open for as long as it runs."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from api.lane_states import Paces
from api.middleware import changes
from vision import limiter
from vision.estimate import Estimator
from vision.files import Store, open_store
from vision.images.fetch import Fetcher, Sender
from vision.images.source import Images
from vision.intake import IntakeContext
from vision.jobs.broker import BrokerCheck
from vision.jobs.wake_ups import WakeUps
from vision.outbound.guard import Guard
from vision.provider import catalogue
from vision.settings import Settings
from vision.storage import engine, keys

IMAGE_SECONDS, AT_ONCE, PER_HOST = 10.0, 32, 16
"""Limits for images that an estimate measures while its caller waits."""


@dataclass(frozen=True)
class ApiServices:
    """What the routes share: intake context, estimator, limiter, the pace of each lane, and the admin key's digest."""

    context: IntakeContext
    estimator: Estimator
    limiter: limiter.Limiter
    paces: Paces
    redis: Redis
    broker: BrokerCheck
    admin_key_hash: bytes

    @property
    def engine(self) -> AsyncEngine:
        """The database."""
        return self.context.engine

    @property
    def store(self) -> Store:
        """The file store."""
        return self.context.store


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[ApiServices]:
    """The services by the settings. Nothing connects before it is needed: the API starts without its servers."""
    admin_key = settings.admin_key.get_secret_value() if settings.admin_key else keys.admin_key(settings.data_dir)
    redis = limiter.connect(settings.required_redis_url())
    context = IntakeContext(
        engine=engine.connect(
            settings.required_database_url(),
            pool_size=10,
            application="tessera-api",
            pooled=settings.database_pooled,
        ),
        catalogue=catalogue.configured(settings),
        wake_ups=WakeUps(settings.required_broker_url()),
        guard=Guard(settings.allow_private_networks),
        store=open_store(settings.files_url, settings.data_dir),
    )
    broker = BrokerCheck(settings.required_broker_url())
    changes.watch(context.engine)
    await context.store.prepare()
    try:
        sender = Sender(settings.fetch_contact, settings.fetch_headers)
        async with Fetcher(
            context.guard, seconds=IMAGE_SECONDS, per_host=PER_HOST, concurrency=AT_ONCE, sender=sender
        ) as fetcher:
            estimator = Estimator(context, Images(fetcher, context.store))
            lanes = limiter.Limiter(redis)
            paces = Paces(context.engine, lanes)
            # Or else a full collection walks over every imported module: 0.15 s in which no request is answered.
            gc.freeze()
            yield ApiServices(context, estimator, lanes, paces, redis, broker, keys.digest(admin_key))
    finally:
        broker.close()
        await context.wake_ups.close()
        await redis.aclose()
        await context.engine.dispose()
