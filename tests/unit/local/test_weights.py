"""The checkpoint reader, on files made here: right values for good ones, refusal for hostile ones."""

import pickle
import struct
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from local.models import weights

HEAD = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps({"little_endian": True}, 2)


def tensor(shape: tuple[int, ...], strides: tuple[int, ...], count: int, offset: int = 0) -> bytes:
    """The pickle that PyTorch writes for {"w": a tensor over storage "7" of `count` floats}, by hand."""

    def numbers(values: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(b"J" + struct.pack("<i", value) for value in values) + b"t"

    def text(value: str) -> bytes:
        return b"X" + struct.pack("<I", len(value)) + value.encode()

    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("7") + text("cpu")
    storage += b"J" + struct.pack("<i", count) + b"NtQ"
    begin = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"J" + struct.pack("<i", offset)
    end = b"\x89ccollections\nOrderedDict\n)RtR"
    return b"\x80\x02}(" + text("w") + begin + numbers(shape) + numbers(strides) + end + b"u."


def write(folder: Path, pickled: bytes, values: list[float], head: bytes = HEAD) -> Path:
    path = folder / "weights.pth"
    data = struct.pack("<q", len(values)) + struct.pack(f"<{len(values)}f", *values)
    path.write_bytes(head + pickled + pickle.dumps(["7"], 2) + data)
    return path


def test_values_shapes_and_strides_are_kept(tmp_path: Path) -> None:
    path = write(tmp_path, tensor((2, 2), (1, 2), count=5, offset=1), [0, 1, 2, 3, 4])
    assert np.array_equal(weights.read(path)["w"], [[1, 3], [2, 4]])


def test_a_tensor_cannot_reach_outside_of_its_storage(tmp_path: Path) -> None:
    path = write(tmp_path, tensor((100,), (1,), count=5), [0] * 5)
    with pytest.raises((TypeError, ValueError)):
        weights.read(path)


def test_no_other_function_can_be_called(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> Any:
            return (print, ("owned",))

    path = write(tmp_path, pickle.dumps({"w": Hostile()}, 2), [])
    with pytest.raises(ValueError, match="which no tensor needs"):
        weights.read(path)


def test_a_file_cannot_ask_for_more_memory_than_it_holds(tmp_path: Path) -> None:
    path = write(tmp_path, tensor((1,), (1,), count=2_000_000_000), [])
    with pytest.raises(ValueError, match="more values"):
        weights.read(path)


def test_a_file_cut_short_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path, tensor((5,), (1,), count=5), [0] * 5)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ValueError, match="cut short"):
        weights.read(path)


def test_another_layout_is_named(tmp_path: Path) -> None:
    head = pickle.dumps(1, 2) + pickle.dumps(2, 2) + pickle.dumps(OrderedDict(), 2)
    path = write(tmp_path, pickle.dumps({}, 2), [], head)
    with pytest.raises(ValueError, match="not a checkpoint"):
        weights.read(path)
