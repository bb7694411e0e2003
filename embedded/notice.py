"""DATA_DIR/embedded.json: where a running `tessera up` can be reached. Gone when it has stopped."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from embedded import secret

FILE = "embedded.json"


@dataclass(frozen=True)
class Notice:
    """Addresses; those of the servers hold their passwords and are None for servers that are not ours."""

    pid: int
    url: str
    database_url: str | None
    redis_url: str | None

    def post(self, data_dir: Path) -> None:
        """Write it, readable by its owner only."""
        secret.write(data_dir / FILE, json.dumps(asdict(self), indent=2) + "\n")


def read(data_dir: Path) -> Notice | None:
    """The notice of a `tessera up` that is running; None if there is none, or its process was killed."""
    try:
        notice = Notice(**json.loads((data_dir / FILE).read_text()))
        os.kill(notice.pid, 0)
    except PermissionError:
        return None
    except (FileNotFoundError, ProcessLookupError):
        return None
    return notice


def remove(data_dir: Path) -> None:
    """Take it down."""
    (data_dir / FILE).unlink(missing_ok=True)
