"""Nothing is installed whose licence nobody has looked at: docs/licences.md."""

from __future__ import annotations

import re
from importlib.metadata import distribution, distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from benchmarks.licences import LIBRARIES, PAGE, ROOT, installed, libraries_in, licence_of, licences

LEAST = {"packages": 60, "libraries": 0}  # wheels of other systems may bring none


def on_page(place: str) -> dict[str, set[str]]:
    """What the page lists under each licence."""
    _, _, rest = PAGE.read_text().partition(f"<!-- {place} -->\n")
    rows = [re.fullmatch(r"\| (.+) \| (.+) \|", line) for line in rest.partition("<!-- end -->")[0].splitlines()[2:]]
    return {row[1]: set(row[2].split(", ")) for row in rows if row}


@pytest.mark.parametrize("place", ["packages", "libraries"])
def test_each_licence_of_what_is_installed_is_one_that_the_page_lists(place: str) -> None:
    """By licence, not by name: packages that others want change with every release and system."""
    found, known = licences()[place], on_page(place)
    assert {name: licence for name, licence in found.items() if licence not in known} == {}
    assert len(found) >= LEAST[place]


def test_each_package_of_requirements_txt_is_on_the_page_under_its_licence() -> None:
    lines = [line.partition("#")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines()]
    known = on_page("packages")
    for name in (Requirement(line).name for line in lines if line):
        assert name in known[licence_of(distribution(name))]


def test_packages_that_others_want_are_found_too() -> None:
    assert {"torch", "sympy", "av", "soxr", "transformers"} <= installed().keys()


def test_libraries_of_a_wheel_are_named_without_their_digests() -> None:
    found = libraries_in(distribution("av"))
    if not found:
        pytest.skip("this system's wheel of av brings no folder av.libs")
    assert {"x264", "x265", "avcodec", "xcb-shape"} <= found <= LIBRARIES.keys()


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ("License-Expression: MIT\nLicense: BSD", "MIT"),
        ("License: ISC\nClassifier: License :: OSI Approved :: BSD License", "ISC"),
        (f"License: {'Copyright, all rights reserved. ' * 3}\nClassifier: License :: OSI Approved :: X", "X"),
        ("License: UNKNOWN", ""),
        ("Summary: none", ""),
    ],
)
def test_a_licence_is_read_from_metadata(tmp_path: Path, metadata: str, expected: str) -> None:
    folder = tmp_path / "some-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.4\nName: some\nVersion: 1.0\n{metadata}\n")
    (package,) = distributions(path=[str(tmp_path)])
    assert licence_of(package) == expected


def test_who_distributes_an_image_is_told_what_is_not_permissive() -> None:
    licence = (ROOT / "LICENSE").read_text()
    assert all(word in licence for word in ("x264", "x265", "NVIDIA", "LGPL", "soxr", "docs/licences.md"))
