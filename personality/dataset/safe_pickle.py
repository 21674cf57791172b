"""Reading of First Impressions' annotation pickles without executing code. The only module that handles pickles.

A pickle is a program for a stack machine. The annotation files use a few of its instructions, to build dictionaries of
numbers. Only these instructions are interpreted here; all others are rejected, so that no code from a file is executed
and no unpickler is used.
"""

from __future__ import annotations

import pickle
import pickletools
import struct
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from personality.constants import LIMITS
from personality.dataset.index import DatasetError
from personality.utils.atomic_files import write_bytes

MAX_TUPLE_ITEMS = 8  # items in the state of a dtype
ALLOWED_CONSTRUCTORS = {
    ("numpy.core.multiarray", "scalar"): "scalar",
    ("numpy._core.multiarray", "scalar"): "scalar",
    ("numpy", "dtype"): "dtype",
}
PICKLED_NUMBER_FORMATS = {"f8": "d", "f4": "f"}


def read_annotation(path: Path) -> dict[str, dict[str, float]]:
    """Read `{trait: {clip: value}}` from an original annotation pickle (protocol 2, latin1). Raises DatasetError if the
    file contains anything other than dictionaries of numbers, or exceeds the size limit."""
    value = _read_pickle(path)
    _check_annotation(value, path.name)
    return value


def read_transcription(path: Path) -> dict[str, str]:
    """Read `{clip: text}` from an original transcription pickle. Raises DatasetError like `read_annotation`."""
    value = _read_pickle(path)
    if not isinstance(value, dict) or not all(isinstance(word, str) for pair in value.items() for word in pair):
        raise DatasetError(f"{path.name} does not contain transcripts; expected {{clip: text}}.")
    return value


def _read_pickle(path: Path) -> Any:
    size = path.stat().st_size
    if size > LIMITS.annotation_bytes:
        raise DatasetError(
            f"{path.name} has {size:,} bytes; an annotation file has at most {LIMITS.annotation_bytes:,}."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pickletools warns of escapes in damaged strings
            return _PickleInterpreter().run(path.read_bytes())
    except DatasetError as error:
        raise DatasetError(f"{path.name} is not an annotation file: {error}.") from error
    except (ValueError, IndexError, KeyError, TypeError, struct.error, AttributeError) as error:
        raise DatasetError(f"{path.name} is damaged: it is not a whole pickle of plain dictionaries.") from error


def write_annotation(path: Path, labels: dict[str, dict[str, float]]) -> None:
    """Write `{trait: {clip: value}}` in the original format, atomically."""
    write_bytes(path, pickle.dumps(labels, protocol=2))


def write_transcription(path: Path, texts: dict[str, str]) -> None:
    """Write `{clip: text}` in the original format, atomically."""
    write_bytes(path, pickle.dumps(texts, protocol=2))


def _check_annotation(value: Any, name: str) -> None:
    expected = "{trait: {clip: number}}"
    if not isinstance(value, dict) or not value:
        raise DatasetError(f"{name} contains {type(value).__name__}; expected {expected}.")
    for trait, clips in value.items():
        if not isinstance(trait, str) or not isinstance(clips, dict):
            raise DatasetError(f"{name} contains {type(clips).__name__} for {str(trait)[:40]!r}; expected {expected}.")
        for clip, number in clips.items():
            if not isinstance(clip, str) or not isinstance(number, float):
                raise DatasetError(
                    f"{name} contains {type(number).__name__} for a clip of {trait!r}; expected a number."
                )


class _PickleInterpreter:
    """Interpreter of the instructions that annotation files use, for plain values only."""

    def __init__(self) -> None:
        self.stack: list[Any] = []  # values since the last mark
        self.below: list[list[Any]] = []  # values below each mark
        self.memo: dict[int, Any] = {}
        self.actions: dict[str, Callable[[Any], None]] = {
            "PROTO": lambda _: None,
            "MARK": lambda _: self._mark(),
            "EMPTY_DICT": lambda _: self.stack.append({}),
            "SETITEM": lambda _: self._set_items(self._pop(2)),
            "SETITEMS": lambda _: self._set_items(self._pop_to_mark()),
            "TUPLE": lambda _: self._join(self._pop_to_mark()),
            "TUPLE1": lambda _: self._join(self._pop(1)),
            "TUPLE2": lambda _: self._join(self._pop(2)),
            "TUPLE3": lambda _: self._join(self._pop(3)),
            "EMPTY_TUPLE": lambda _: self.stack.append(()),
            "NONE": lambda _: self.stack.append(None),
            "NEWFALSE": lambda _: self.stack.append(False),
            "NEWTRUE": lambda _: self.stack.append(True),
            "GLOBAL": self._name_constructor,
            "REDUCE": lambda _: self._construct(),
            "BUILD": self._ignore_state,
            "STOP": lambda _: None,
        }
        self.actions |= dict.fromkeys(("BINGET", "LONG_BINGET"), lambda key: self.stack.append(self.memo[key]))
        self.actions |= dict.fromkeys(("BINPUT", "LONG_BINPUT"), self._remember)
        for name in ("BININT", "BININT1", "BININT2", "BINFLOAT", "BINUNICODE", "BINSTRING", "SHORT_BINSTRING"):
            self.actions[name] = lambda value: self.stack.append(value)

    def run(self, data: bytes) -> Any:
        for instruction, argument, _ in pickletools.genops(data):
            action = self.actions.get(instruction.name)
            if action is None:
                raise DatasetError(
                    f"it uses the instruction {instruction.name}, which is not allowed in annotation files"
                )
            action(argument)
        if self.below:
            raise ValueError("a mark is not closed")
        (value,) = self.stack
        return value

    def _mark(self) -> None:
        self.below.append(self.stack)
        self.stack = []

    def _ignore_state(self, _: Any) -> None:
        """Ignore the state set by `BUILD`: the byte order of a dtype, which is little-endian in the files."""
        self._pop(1)

    def _remember(self, key: int) -> None:
        self.memo[key] = self.stack[-1]

    def _pop(self, count: int) -> list[Any]:
        if len(self.stack) < count:
            raise ValueError("stack underflow")
        taken = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return taken

    def _pop_to_mark(self) -> list[Any]:
        taken, self.stack = self.stack, self.below.pop()
        return taken

    def _join(self, items: list[Any]) -> None:
        """Push a tuple of a few plain values or of a dtype. Deeply nested tuples could stall or crash a comparison."""
        if len(items) > MAX_TUPLE_ITEMS or any(_is_nested(item) for item in items):
            raise ValueError("nested tuples")
        self.stack.append(tuple(items))

    def _set_items(self, items: list[Any]) -> None:
        if not isinstance(self.stack[-1], dict) or len(items) % 2:
            raise ValueError("items without a dictionary")
        if not all(isinstance(key, str) for key in items[::2]):
            raise ValueError("a key that is not text")
        self.stack[-1].update(zip(items[::2], items[1::2], strict=True))

    def _name_constructor(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        if (module, name) not in ALLOWED_CONSTRUCTORS:
            raise DatasetError(f"it calls {module[:40]}.{name[:40]}, which is not allowed in annotation files")
        self.stack.append((ALLOWED_CONSTRUCTORS[module, name],))

    def _construct(self) -> None:
        (constructor,), arguments = self._pop(2)
        self.stack.append(("dtype", arguments[0]) if constructor == "dtype" else _unpack_number(*arguments))


def _is_nested(item: Any) -> bool:
    return isinstance(item, tuple) and any(isinstance(part, tuple) for part in item)


def _unpack_number(dtype: tuple[str, str], raw: str) -> float:
    kind, code = dtype
    if kind != "dtype":
        raise ValueError("a scalar without a dtype")
    return float(struct.unpack("<" + PICKLED_NUMBER_FORMATS[code], raw.encode("latin1"))[0])
