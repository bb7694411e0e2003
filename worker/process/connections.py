"""What one process holds open."""

from concurrent.futures import ThreadPoolExecutor

from vision.files import open_store
from vision.images.fetch import Fetcher, Sender
from vision.images.source import Images
from vision.jobs.wake_ups import WakeUps
from vision.limiter import Limiter
from vision.limiter import connect as connect_redis
from vision.outbound.guard import Guard
from vision.provider.catalogue import Provider
from vision.provider.client import Client
from vision.settings import Settings
from vision.storage.engine import connect


class Connections:
    """Database, Redis, broker, image hosts, providers, and the store of bytes. Nothing connects before it is needed."""

    def __init__(self, settings: Settings) -> None:
        self.engine = connect(
            settings.required_database_url(), application="tessera-worker", pooled=settings.database_pooled
        )
        self.wake_ups = WakeUps(settings.required_broker_url())
        self.guard = Guard(settings.allow_private_networks)
        self.store = open_store(settings.files_url, settings.data_dir)
        self._redis = connect_redis(settings.required_redis_url())
        self.limiter = Limiter(self._redis)
        self._fetcher = Fetcher(self.guard, sender=Sender(settings.fetch_contact, settings.fetch_headers))
        self.images = Images(self._fetcher, self.store)
        self.threads = ThreadPoolExecutor(1, thread_name_prefix="tessera-images")
        """For images that are decoded: that would keep the loop from anything else."""
        self._call_timeout_seconds = settings.call_timeout_seconds
        self._clients: dict[str, Client] = {}

    async def open(self) -> None:
        """Begin to fetch."""
        await self._fetcher.__aenter__()

    async def close(self) -> None:
        """Close everything; nothing uses it any more, but for what is still to be written to the database."""
        for client in self._clients.values():
            await client.close()
        await self._fetcher.__aexit__(None, None, None)
        await self.wake_ups.close()
        await self._redis.aclose()
        await self.engine.dispose()
        self.threads.shutdown(wait=False, cancel_futures=True)

    def client(self, provider: Provider) -> Client:
        """The provider's client, one for all its lanes."""
        if provider.name not in self._clients:
            self._clients[provider.name] = Client(provider, timeout_seconds=self._call_timeout_seconds)
        return self._clients[provider.name]
