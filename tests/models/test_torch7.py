"""Torch7 files written byte by byte, in the format of Torch7's File.lua."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from personality.models.torch7 import MAX_TORCH7_DEPTH, Torch7Error, Torch7Object, read_torch7
from tests.models.lua import BOOLEAN, FUNCTION, NIL, TABLE, TEXT, integer, number, table, tensor, text, thing, words


@pytest.fixture
def net(tmp_path: Path) -> Any:
    def written(content: bytes) -> Path:
        path = tmp_path / "a.net"
        path.write_bytes(content)
        return path

    return written


def test_values_of_every_type(net: Any) -> None:
    content = table(
        *(1, text("half"), number(0.5), text("name"), text("Linear"), text("on"), integer(BOOLEAN) + integer(1)),
        *(text("none"), integer(NIL), number(1), text("first")),
    )
    assert read_torch7(net(content)) == {"half": 0.5, "name": "Linear", "on": True, "none": None, 1.0: "first"}


def test_a_tensor_is_a_view_of_its_storage(net: Any) -> None:
    numbers = np.arange(12, dtype=np.float32)
    (found,) = read_torch7(net(table(1, text("a"), tensor(2, numbers.reshape(3, 4))))).values()
    np.testing.assert_array_equal(found, numbers.reshape(3, 4))
    assert found.dtype == np.float32
    transposed = tensor(2, numbers, shape=(4, 3), strides=(1, 4))
    np.testing.assert_array_equal(read_torch7(net(transposed)), numbers.reshape(3, 4).T)
    np.testing.assert_array_equal(read_torch7(net(tensor(2, numbers, shape=(2,), strides=(1,), offset=11))), [10, 11])


def test_an_object_has_its_class_and_layers(net: Any) -> None:
    weight = table(4, text("weight"), tensor(5, [[1.0, 2.0]]))
    layers = table(3, number(1), thing(9, "nn.Linear", weight))
    model = read_torch7(net(thing(1, "nn.Sequential", table(2, text("modules"), layers))))
    assert isinstance(model, Torch7Object)
    (linear,) = model.modules()
    assert linear.name == "nn.Linear"
    np.testing.assert_array_equal(linear.tensor("weight", (1, 2)), [[1, 2]])
    with pytest.raises(Torch7Error, match="weight"):
        linear.tensor("weight", (2, 1))
    with pytest.raises(Torch7Error, match="Linear"):
        linear.modules()


def test_repeated_reference_is_one_object(net: Any) -> None:
    again = integer(TABLE) + integer(7)
    found = read_torch7(net(table(1, text("a"), table(7, text("x"), number(1)), text("b"), again)))
    assert found["a"] is found["b"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04 no Torch7 at all",
        integer(FUNCTION) + words("return 1"),
        tensor(2, [1.0, 2.0], shape=(3,), strides=(1,)),
        tensor(2, [1.0, 2.0], shape=(2,), strides=(1,), offset=2),
        tensor(2, [1.0, 2.0], shape=(2**40, 2**40), strides=(0, 0)),
        tensor(2, [1.0, 2.0], shape=(2,), strides=(-1,), offset=2),
        thing(2, "torch.FloatStorage", struct.pack("<q", 2**60)),
        thing(2, "torch.HalfTensor", integer(0)),
        integer(TEXT) + integer(-1),
        table(1, table(2), number(1)),
        b"".join(integer(TABLE) + integer(n) + integer(1) + number(1) for n in range(MAX_TORCH7_DEPTH + 5)),
    ],
    ids=lambda content: content[:12].hex(),
)
def test_damaged_files_and_functions_are_refused(net: Any, content: bytes) -> None:
    with pytest.raises(Torch7Error):
        read_torch7(net(content))


def test_truncated_file_is_refused(net: Any) -> None:
    whole = thing(1, "nn.Linear", table(4, text("weight"), tensor(5, [[1.0, 2.0]]), text("bias"), tensor(7, [0.5])))
    for length in range(len(whole)):
        with pytest.raises(Torch7Error):
            read_torch7(net(whole[:length]))
