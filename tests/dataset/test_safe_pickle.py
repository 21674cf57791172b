import os
import pickle
import struct
from pathlib import Path

import pytest

from personality.dataset.index import DatasetError
from personality.dataset.safe_pickle import read_annotation, write_annotation

LABELS = {"openness": {"a.000.mp4": 0.25, "-b.001.mp4": 1.0}}


class Hostile:
    def __init__(self, function: object, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple:
        return self.call


def test_written_annotation_is_read_back(tmp_path: Path) -> None:
    write_annotation(tmp_path / "a.pkl", LABELS)
    assert read_annotation(tmp_path / "a.pkl") == LABELS


def test_numpy_scalars_of_python_2_are_numbers(tmp_path: Path) -> None:
    """{'openness': {'a': numpy.float64(0.125)}} as pickled by Python 2, instruction by instruction."""
    scalar = b"cnumpy.core.multiarray\nscalar\n"
    dtype = b"cnumpy\ndtype\nU\x02f8K\x00K\x01\x87Rq\x01(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    value = b"U\x08" + struct.pack("<d", 0.125) + b"\x86R"
    (tmp_path / "a.pkl").write_bytes(b"\x80\x02}U\x08openness}U\x01a" + scalar + dtype + value + b"ss.")
    assert read_annotation(tmp_path / "a.pkl") == {"openness": {"a": 0.125}}


def test_original_annotations_equal_what_pickle_reads(real_data: Path) -> None:
    for split, clips in (("training", 6000), ("validation", 2000)):
        path = real_data / f"first-impressions/annotation/annotation_{split}.pkl"
        assert read_annotation(path) == pickle.loads(path.read_bytes(), encoding="latin1")
        assert len(read_annotation(path)["openness"]) == clips


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_hostile_pickle_does_not_run(tmp_path: Path, protocol: int) -> None:
    target = tmp_path / "ran"
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"openness": Hostile(os.mkdir, str(target))}, protocol))
    with pytest.raises(DatasetError, match=r"a\.pkl"):
        read_annotation(tmp_path / "a.pkl")
    assert not target.exists()


@pytest.mark.parametrize("value", [{}, [], {"openness": 1.0}, {"openness": {"a": "x"}}, {"openness": {1: 0.5}}])
def test_other_structures_raise_clear_error(tmp_path: Path, value: object) -> None:
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(value, protocol=2))
    with pytest.raises(DatasetError, match=r"a\.pkl"):
        read_annotation(tmp_path / "a.pkl")
