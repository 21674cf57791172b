"""Read Torch7 files (`.net`, `.t7`) of other projects without executing code: numbers, text, tables and tensors."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

MAX_TORCH7_BYTES = 2**30  # the largest published file, VGG-Face, has 580 MB
MAX_TORCH7_DEPTH = 100
# Type codes that precede each value, from Torch7's File.lua.
NIL, NUMBER, STRING, TABLE, OBJECT, BOOLEAN = range(6)
ELEMENT_TYPES = {
    **{"Float": "<f4", "Double": "<f8", "Int": "<i4", "Long": "<i8", "Short": "<i2", "Byte": "u1", "Char": "i1"},
    "Cuda": "<f4",
}


class Torch7Error(ValueError):
    """Error for a file that is not a Torch7 file, is damaged, or contains unsupported values, such as functions."""


@dataclass
class Torch7Object:
    """An object of a Lua class: its class name, such as `nn.Linear`, and its fields."""

    name: str
    fields: Any = None

    def modules(self) -> list[Torch7Object]:
        """Return the layers of a container, in order. Raises Torch7Error if the object is not a container."""
        found = self.fields.get("modules") if isinstance(self.fields, dict) else None
        if not isinstance(found, dict) or not all(isinstance(one, Torch7Object) for one in found.values()):
            raise Torch7Error(f"expected a container of layers, found {self.name}")
        return [found[place] for place in sorted(found)]

    def tensor(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Return a tensor of the object, float32. Raises Torch7Error if it is missing or has another shape."""
        value = self.fields.get(name) if isinstance(self.fields, dict) else None
        if not isinstance(value, np.ndarray) or value.shape != shape:
            found = value.shape if isinstance(value, np.ndarray) else "none"
            raise Torch7Error(f"expected {name} of {self.name} with the shape {shape}, found {found}")
        return value.astype(np.float32)


def read_torch7(path: Path) -> Any:
    """Read a binary file written by 64-bit Torch7.

    Parameters
    ----------
    path : Path
        The file, of at most MAX_TORCH7_BYTES.

    Returns
    -------
    None, bool, float, str, dict, numpy.ndarray or Torch7Object
        A table is a dict; a tensor is an array; an object of any other class is a Torch7Object.

    Raises
    ------
    Torch7Error
        The file is not a Torch7 file, is damaged, is too large, or contains a Lua function.
    """
    size = path.stat().st_size
    if size > MAX_TORCH7_BYTES:
        raise Torch7Error(f"{path.name} has {size:,} bytes; expected at most {MAX_TORCH7_BYTES:,}.")
    try:
        return _Torch7Reader(path.read_bytes()).value(0)
    except Torch7Error as error:
        raise Torch7Error(f"{path.name} is not a readable Torch7 file: {error}.") from error
    except (struct.error, IndexError, UnicodeDecodeError, OverflowError) as error:
        raise Torch7Error(f"{path.name} is not a Torch7 file, or is damaged.") from error


class _Torch7Reader:
    """A cursor over the bytes of a file. An object that is referenced several times is read once."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0
        self.known: dict[int, Any] = {}

    def value(self, depth: int) -> Any:
        if depth > MAX_TORCH7_DEPTH:
            raise Torch7Error(f"values are nested more than {MAX_TORCH7_DEPTH} deep")
        kind = self._int()
        if kind == NIL:
            return None
        if kind == NUMBER:
            return self._unpack("<d")
        if kind == STRING:
            return self._text()
        if kind == BOOLEAN:
            return bool(self._int())
        if kind in (TABLE, OBJECT):
            number = self._int()
            if number not in self.known:
                (self._table if kind == TABLE else self._object)(number, depth + 1)
            return self.known[number]
        raise Torch7Error(f"found a value of the type {kind}; expected a number, text, table or tensor")

    def _unpack(self, form: str) -> Any:
        (value,) = struct.unpack_from(form, self.data, self.place)
        self.place += struct.calcsize(form)
        return value

    def _int(self) -> int:
        return self._unpack("<i")

    def _text(self) -> str:
        return self._take(self._int()).decode("latin-1")

    def _take(self, count: int) -> bytes:
        if not 0 <= count <= len(self.data) - self.place:
            raise Torch7Error("a value is longer than the rest of the file")
        self.place += count
        return self.data[self.place - count : self.place]

    def _table(self, number: int, depth: int) -> None:
        table = self.known[number] = {}
        for _ in range(self._int()):
            key = self.value(depth)
            if not isinstance(key, str | float | bool):
                raise Torch7Error("a table has a key that is neither text nor number")
            table[key] = self.value(depth)

    def _object(self, number: int, depth: int) -> None:
        version = self._text()
        name = self._text() if version.startswith("V ") else version
        package, _, kind = name.partition(".")
        if package == "torch" and kind.endswith("Tensor"):
            self.known[number] = self._tensor(kind.removesuffix("Tensor"), depth)
        elif package == "torch" and kind.endswith("Storage"):
            self.known[number] = self._storage(kind.removesuffix("Storage"))
        else:
            found = self.known[number] = Torch7Object(name)
            found.fields = self.value(depth)

    def _storage(self, kind: str) -> np.ndarray:
        dtype = self._element_type(kind)
        return np.frombuffer(self._take(self._unpack("<q") * dtype.itemsize), dtype)

    def _tensor(self, kind: str, depth: int) -> np.ndarray:
        dtype, dimensions = self._element_type(kind), self._int()
        if not 0 <= dimensions <= 8:
            raise Torch7Error(f"a tensor has {dimensions} dimensions")
        shape = [self._unpack("<q") for _ in range(dimensions)]
        strides = [self._unpack("<q") for _ in range(dimensions)]
        offset, storage = self._unpack("<q") - 1, self.value(depth)
        if storage is None or not dimensions:
            return np.zeros(0, dtype)
        return _view_storage(storage, shape, strides, offset)

    def _element_type(self, kind: str) -> np.dtype:
        if kind not in ELEMENT_TYPES:
            raise Torch7Error(f"tensors of the type {kind[:40]!r} are not supported")
        return np.dtype(ELEMENT_TYPES[kind])


def _view_storage(storage: Any, shape: list[int], strides: list[int], offset: int) -> np.ndarray:
    """Copy the elements of a tensor from its storage. Raises Torch7Error if they extend beyond it."""
    if not isinstance(storage, np.ndarray) or min([*shape, *strides, offset]) < 0:
        raise Torch7Error("a tensor has no storage, or a negative size")
    reach = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True)) + 1
    if 0 in shape or reach > len(storage) or np.prod([float(size) for size in shape]) > len(storage):
        raise Torch7Error("a tensor extends beyond its storage")
    bytes_apart = [stride * storage.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, bytes_apart).copy()
