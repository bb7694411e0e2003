"""Claims: taking the next items of the job whose turn it is, under a lease and within max_cost.

A claim moves the start of a job's range and writes one lease row; item rows stay untouched, so it costs the same with
ten million items as with a thousand. Postgres's clock alone counts.

Nobody blocks anybody for good, because rows are waited for in one order: leased ranges by id, jobs by id, then a job's
turn and its waiting ranges. A claim comes from the other end, so it waits for its job alone, and for that first.
"""

from vision.storage.queue.claims.claim import claim, waiting_lanes

__all__ = ["claim", "waiting_lanes"]
