"""`python -m api`: serve the API by the settings, until SIGINT or SIGTERM."""

import resource

import uvicorn

from api.middleware.connections import Connection
from vision.settings import Settings

GRACE_SECONDS = 5
SPARE_DESCRIPTORS = 200
"""For everything else than connections: the database, files, logs, libraries."""


def main() -> None:
    """Serve."""
    settings = Settings()
    _ask_for_descriptors(settings.max_connections + SPARE_DESCRIPTORS)
    uvicorn.run(
        "api.app:create_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        http=Connection,
        ws="none",
        limit_concurrency=settings.max_connections,
        timeout_graceful_shutdown=GRACE_SECONDS,
        log_level="warning",
        access_log=False,
    )


def _ask_for_descriptors(wanted: int) -> None:
    """Each connection needs one, and many systems allow 1,024 unless a process asks for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(hard, wanted), hard)
        )


if __name__ == "__main__":
    main()
