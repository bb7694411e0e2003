"""Where a running service can be reached."""

import os
from pathlib import Path

from embedded.data_dir import running, secret
from embedded.data_dir.running import Running


def test_is_private_and_read_back(tmp_path: Path) -> None:
    posted = Running(os.getpid(), "http://127.0.0.1:8000", None, "redis://:secret@127.0.0.1:1/0")
    posted.write(tmp_path)
    assert (tmp_path / running.FILE).stat().st_mode & 0o777 == 0o600
    assert running.read(tmp_path) == posted
    running.remove(tmp_path)
    running.remove(tmp_path)
    assert running.read(tmp_path) is None


def test_of_a_process_that_is_gone_does_not_count(tmp_path: Path) -> None:
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    Running(pid, "http://127.0.0.1:8000", None, None).write(tmp_path)
    assert running.read(tmp_path) is None


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    kept = secret.keep(tmp_path / "password")
    assert len(kept) > 40
    assert secret.keep(tmp_path / "password") == kept
    assert [path.name for path in tmp_path.iterdir()] == ["password"]
