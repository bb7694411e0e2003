"""Read a PyTorch checkpoint without PyTorch.

The layout before PyTorch 1.6: five pickles (magic number, version, system, tensors, storage keys), then per storage
its length as int64 and its raw little-endian values. A pickle can name any function, so only four names are allowed.
"""

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001

Array = NDArray[Any]


def read(path: Path) -> dict[str, Array]:
    """Every tensor of the checkpoint, by name; ValueError if the file has another layout."""
    with path.open("rb") as file:
        size = path.stat().st_size
        head = [_Unpickler(file, size).load() for _ in range(3)]
        if head[:2] != [_MAGIC, _PROTOCOL]:
            raise ValueError(f"{path.name} is not a checkpoint of the layout before PyTorch 1.6.")
        unpickler = _Unpickler(file, size)
        tensors: dict[str, Array] = unpickler.load()
        for key in _Unpickler(file, size).load():
            _fill(file, unpickler.storages[key])
    return tensors


def _fill(file: BinaryIO, storage: Array) -> None:
    count = int.from_bytes(file.read(8), "little")
    data = file.read(storage.nbytes)
    if count != storage.size or len(data) != storage.nbytes:
        raise ValueError("The checkpoint is cut short.")
    storage[:] = np.frombuffer(data, storage.dtype)


def _tensor(storage: Array, offset: int, shape: Any, strides: Any, *_: Any) -> Array:
    """A view of a storage that is filled later; numpy refuses one that reaches outside of it."""
    width = storage.itemsize
    return np.ndarray(shape, storage.dtype, storage.data, offset * width, [step * width for step in strides])


_ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch", "FloatStorage"): np.dtype("<f4"),
    ("torch", "LongStorage"): np.dtype("<i8"),
}


class _Unpickler(pickle.Unpickler):
    """Builds tensors over empty storages, and nothing else."""

    def __init__(self, file: BinaryIO, file_size: int) -> None:
        super().__init__(file)
        self.file_size = file_size
        self.storages: dict[str, Array] = {}

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise ValueError(f"The checkpoint asks for {module}.{name}, which no tensor needs.") from None

    def persistent_load(self, pid: Any) -> Array:
        _, dtype, key, _, count, *_ = pid
        if count * dtype.itemsize > self.file_size:
            raise ValueError("The checkpoint announces more values than it can hold.")
        return self.storages.setdefault(key, np.empty(count, dtype))
