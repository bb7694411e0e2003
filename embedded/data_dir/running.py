"""DATA_DIR/embedded.json: where a running `tessera up` can be reached. Gone when it has stopped."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from embedded.data_dir import secret

FILE = "embedded.json"


@dataclass(frozen=True)
class Running:
    """Addresses of a running service. Those of the servers have passwords, and are None unless embedded."""

    pid: int
    url: str
    database_url: str | None
    redis_url: str | None

    def write(self, data_dir: Path) -> None:
        """Write it, readable by its owner only."""
        secret.write(data_dir / FILE, json.dumps(asdict(self), indent=2) + "\n")


def read(data_dir: Path) -> Running | None:
    """Where a running `tessera up` can be reached; None if there is none, or its process was killed."""
    try:
        found = Running(**json.loads((data_dir / FILE).read_text()))
        os.kill(found.pid, 0)
    except PermissionError:
        return None
    except (FileNotFoundError, ProcessLookupError):
        return None
    return found


def remove(data_dir: Path) -> None:
    """Delete the file: the service has stopped."""
    (data_dir / FILE).unlink(missing_ok=True)
