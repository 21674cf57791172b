"""Write Torch7 files byte by byte, in the format of Torch7's File.lua."""

import struct
from typing import Any

import numpy as np

NIL, NUMBER, TEXT, TABLE, OBJECT, BOOLEAN, FUNCTION = range(7)


def integer(value: int) -> bytes:
    return struct.pack("<i", value)


def words(value: str) -> bytes:
    return integer(len(value)) + value.encode()


def number(value: float) -> bytes:
    return integer(NUMBER) + struct.pack("<d", value)


def text(value: str) -> bytes:
    return integer(TEXT) + words(value)


def table(index: int, *pairs: bytes) -> bytes:
    return integer(TABLE) + integer(index) + integer(len(pairs) // 2) + b"".join(pairs)


def thing(index: int, name: str, content: bytes) -> bytes:
    return integer(OBJECT) + integer(index) + words("V 1") + words(name) + content


def tensor(index: int, values: Any, *, shape: Any = None, strides: Any = None, offset: int = 1) -> bytes:
    array = np.asarray(values, "<f4")
    shape = array.shape if shape is None else shape
    strides = [stride // 4 for stride in array.strides] if strides is None else strides
    storage = thing(index + 1, "torch.FloatStorage", struct.pack("<q", array.size) + array.tobytes())
    sizes = b"".join(struct.pack("<q", size) for size in (*shape, *strides, offset))
    return thing(index, "torch.FloatTensor", integer(len(shape)) + sizes + storage)


class Lua:
    """Numbers the objects of one file."""

    def __init__(self) -> None:
        self.index = 0

    def next(self, by: int = 1) -> int:
        self.index += by
        return self.index

    def layer(self, name: str, **tensors: np.ndarray) -> bytes:
        pairs = [part for key, value in tensors.items() for part in (text(key), tensor(self.next(2) - 1, value))]
        return thing(self.next(), name, table(self.next(), *pairs))

    def container(self, name: str, layers: list[bytes]) -> bytes:
        pairs = [part for place, layer in enumerate(layers, 1) for part in (number(place), layer)]
        return thing(self.next(), name, table(self.next(), text("modules"), table(self.next(), *pairs)))
