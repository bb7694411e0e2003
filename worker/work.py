"""The work of one process: what wake-ups and the sweep begin."""

import asyncio
import logging
import os
import random
import socket
from collections import Counter
from collections.abc import Callable, Mapping

from vision.errors import ConfigurationError
from vision.jobs.lifecycle import Phase
from vision.jobs.wake_ups import Task
from vision.provider.catalogue import Catalogue
from vision.settings import Settings
from vision.storage.outcomes.record import Recorded
from vision.storage.queue.leases import Lessee
from worker.deliver import Deliverer
from worker.dispatch.executors import EXECUTORS, Executor, MakeExecutor
from worker.dispatch.leases import Leases
from worker.dispatch.marks import Marks
from worker.dispatch.memory_budget import MemoryBudget
from worker.dispatch.process_context import ProcessContext
from worker.dispatch.recorder import Recorder
from worker.look import Lookout
from worker.measure import Measurer
from worker.pacing.loop_lag import LoopLag
from worker.process import descriptors
from worker.process.connections import Connections
from worker.process.role import Role
from worker.process.running import Running
from worker.prune import Keep, Pruner
from worker.sweep import EVERY_SECONDS, Contact, sweep

log = logging.getLogger(__name__)

IMAGE_BYTES = 64 * 1024**2
"""Bytes of prepared images that one process keeps, at most."""
DRAIN_SECONDS = 25.0
"""How long a stop waits for calls in flight; then their leases run out."""


class Work:
    """Everything that runs on the loop; one piece of work at a time for each task and lane."""

    def __init__(
        self,
        settings: Settings,
        offered: Catalogue,
        stopped: Callable[[], bool],
        executors: Mapping[str, MakeExecutor] = EXECUTORS,
        role: Role | None = None,
    ) -> None:
        self._settings = settings
        self._role = role or Role()
        self._stopped = stopped
        self._catalogue = offered
        self._make_executor = executors
        self._connections = Connections(settings)
        self._engine = self._connections.engine
        self._leases = Leases(self._engine, settings.lease_seconds)
        self._marks = Marks(self._engine, stopped)
        self._recorder = Recorder(self._engine, self._leases, self._written)
        self._deliverer = Deliverer(self._engine, self._connections.guard)
        keep = Keep(settings.files_keep_days, settings.keep_days)
        self._pruner = Pruner(self._engine, self._connections.store, keep)
        self._loop_lag = LoopLag()
        self._executors: dict[str, Executor] = {}
        self._measurers: dict[str, Measurer] = {}
        self._running = Running(self._begin, self._awake)
        self._skipped_lanes: set[str] = set()
        self._keepers: list[asyncio.Task[None]] = []
        self._notifying: set[asyncio.Task[None]] = set()
        self._lookout = Lookout(
            self._engine,
            self._leases,
            self._executors,
            busy=lambda: self._dispatching() > 0,
            when_ended=lambda: self.wake(Task.DELIVER),
        )
        self._process = self._context()

    def _context(self) -> ProcessContext:
        settings, connections = self._settings, self._connections
        return ProcessContext(
            engine=self._engine,
            limiter=connections.limiter,
            images=connections.images,
            leases=self._leases,
            marks=self._marks,
            recorder=self._recorder,
            threads=connections.threads,
            memory=MemoryBudget(IMAGE_BYTES),
            loop_lag=self._loop_lag,
            lessee=Lessee(f"{socket.gethostname()}:{os.getpid()}", settings.lease_seconds),
            max_attempts=settings.max_attempts,
            most_calls=descriptors.allow(settings.max_in_flight),
            call_timeout_seconds=settings.call_timeout_seconds,
            client=connections.client,
            lanes=self._dispatching,
            stopped=self._stopped,
            look=self._lookout.look,
            when_changed=self._notify_look,
            when_paused=self._paused,
        )

    async def open(self) -> None:
        """Begin to keep leases, to write outcomes, and to sweep."""
        await self._connections.open()
        for keeper in (self._leases.keep, self._recorder.keep, self._loop_lag.keep, self._lookout.keep, self._sweep):
            self._keepers.append(asyncio.get_running_loop().create_task(keeper()))

    async def close(self) -> None:
        """Let calls in flight end and record them; the leases of those that take too long run out."""
        for executor in self._executors.values():
            executor.give_back()
        await self._running.wait(DRAIN_SECONDS, but=Task.DELIVER)
        try:
            await asyncio.wait_for(self._recorder.drain(), 5.0)
        except TimeoutError:
            log.warning("The database did not take the last outcomes; their items will be done again.")
        await asyncio.gather(*(executor.drain() for executor in self._executors.values()))
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        await self._running.cancel()
        await asyncio.gather(*self._notifying)
        await self._marks.close()
        await self._connections.close()

    def wake(self, task: Task, lane: str = "") -> None:
        """Begin this work if it is ours, or let it look again if it is under way."""
        if not self._stopped() and self._role.takes(task, lane) and lane not in self._skipped_lanes:
            self._running.wake(task, lane)

    async def attend(self, task: Task, lane: str = "") -> dict[str, int] | None:
        """Wake this work, wait for its end, and return what it did; None at once if another task waits for it."""
        self.wake(task, lane)
        before = self._totals(task, lane)
        if not await self._running.attend(task, lane):
            return None
        return {name: total - before[name] for name, total in self._totals(task, lane).items()}

    def release(self) -> None:
        """Let every `attend` return at once."""
        self._running.release()

    def _totals(self, task: Task, lane: str) -> Counter[str]:
        worker = self._awake(task, lane)
        return Counter(worker.totals if worker else ())

    def _awake(self, task: Task, lane: str) -> Executor | Measurer | Deliverer | None:
        """The object whose `wake` makes work under way look again."""
        match task:
            case Task.DISPATCH:
                return self._executors.get(lane)
            case Task.MEASURE:
                return self._measurers.get(lane)
            case Task.DELIVER:
                return self._deliverer
            case Task.LOOK:
                return None

    async def _begin(self, task: Task, lane: str) -> None:
        try:
            match task:
                case Task.DISPATCH:
                    await self._executor(lane).run()
                case Task.MEASURE:
                    await self._measurer(lane).run()
                case Task.LOOK:
                    await self._lookout.look()
                case Task.DELIVER:
                    await self._deliverer.run()
        except ConfigurationError as error:
            # Other workers may have a newer providers.toml than this one, which reads it at its start.
            if lane not in self._skipped_lanes:
                log.error("%s Until it is restarted, this worker leaves the lane alone.", error.message)  # noqa: TRY400
            self._skipped_lanes.add(lane)
        except asyncio.CancelledError:
            raise
        except Exception:
            # The sweep begins it again in a few seconds.
            log.exception("%s %s stopped.", task, lane)

    def _executor(self, lane_name: str) -> Executor:
        if lane_name not in self._executors:
            lane = self._catalogue.lane(lane_name)
            if lane.executor not in self._make_executor:
                raise ConfigurationError(
                    f"{lane_name} needs the executor {lane.executor!r}: run a worker of a version that has it."
                )
            self._executors[lane_name] = self._make_executor[lane.executor](self._process, lane)
        return self._executors[lane_name]

    def _dispatching(self) -> int:
        """How many lanes are worked on."""
        return self._running.lanes(Task.DISPATCH)

    def _measurer(self, lane_name: str) -> Measurer:
        if lane_name not in self._measurers:
            self._measurers[lane_name] = Measurer(
                self._catalogue.lane(lane_name),
                engine=self._engine,
                images=self._connections.images,
                leases=self._leases,
                lessee=self._process.lessee,
                stopped=self._stopped,
                when_measured=self._measured,
            )
        return self._measurers[lane_name]

    async def _measured(self, lane: str) -> None:
        """Measured items can be called for by every process."""
        self.wake(Task.DISPATCH, lane)
        await self._connections.wake_ups.notify(Task.DISPATCH, lane)

    def _written(self, recorded: Recorded) -> None:
        """Recorded outcomes free capacity; jobs may have ended, and items may have reached their next step."""
        for executor in self._executors.values():
            executor.look()
        if recorded.ended:
            self.wake(Task.DELIVER)
        for lane, phase in recorded.waiting:
            self.wake(Task.DISPATCH if phase is Phase.CALL else Task.MEASURE, lane)

    async def _paused(self) -> None:
        self.wake(Task.DELIVER)
        self._notify_look()

    def _notify_look(self) -> None:
        """Make every process look now: a lane is down or back, or its jobs are paused."""
        notifying = asyncio.get_running_loop().create_task(self._connections.wake_ups.notify(Task.LOOK))
        self._notifying.add(notifying)
        notifying.add_done_callback(self._notifying.discard)

    async def _show(self) -> None:
        """Send a wake-up for work that no Celery task shows: the sweep or this process began it."""
        for task, lane in self._running.unattended():
            await self._connections.wake_ups.notify(task, *filter(None, [lane]))

    async def _sweep(self) -> None:
        contact = Contact(self._settings.lease_seconds)
        while True:
            try:
                await sweep(self._engine, self.wake, contact)
                await self._show()
                await self._pruner.look()
            except Exception as error:  # noqa: BLE001 - the database may be away for a while
                contact.lost()
                log.warning("The sweep could not look (%s); trying again.", type(error).__name__)
            await asyncio.sleep(EVERY_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311 - not a secret
