"""Nothing is installed whose licence nobody has looked at: docs/licences.md."""

from __future__ import annotations

import re
from importlib.metadata import distribution, distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from benchmarks.licences import (
    LIBRARY_LICENCES,
    LICENCES_PAGE,
    REPOSITORY_ROOT,
    collect_licences,
    find_bundled_libraries,
    find_installed_packages,
    read_package_licence,
)

LEAST = {"packages": 60, "libraries": 0}  # wheels of other systems may bring none


def on_page(place: str) -> dict[str, set[str]]:
    """What the page lists under each licence."""
    _, _, rest = LICENCES_PAGE.read_text().partition(f"<!-- {place} -->\n")
    rows = [re.fullmatch(r"\| (.+) \| (.+) \|", line) for line in rest.partition("<!-- end -->")[0].splitlines()[2:]]
    return {row[1]: set(row[2].split(", ")) for row in rows if row}


@pytest.mark.parametrize("place", ["packages", "libraries"])
def test_each_licence_of_what_is_installed_is_one_that_the_page_lists(place: str) -> None:
    """By licence, not by name: packages that others want change with every release and system."""
    found, known = collect_licences()[place], on_page(place)
    assert {name: licence for name, licence in found.items() if licence not in known} == {}
    assert len(found) >= LEAST[place]


def test_each_package_of_requirements_txt_is_on_the_page_under_its_licence() -> None:
    lines = [line.partition("#")[0].strip() for line in (REPOSITORY_ROOT / "requirements.txt").read_text().splitlines()]
    known = on_page("packages")
    for name in (Requirement(line).name for line in lines if line):
        assert name in known[read_package_licence(distribution(name))]


def test_packages_that_others_want_are_found_too() -> None:
    assert {"torch", "sympy", "av", "soxr", "transformers"} <= find_installed_packages().keys()


def test_libraries_of_a_wheel_are_named_without_their_digests() -> None:
    found = find_bundled_libraries(distribution("av"))
    if not found:
        pytest.skip("this system's wheel of av brings no folder av.libs")
    assert {"x264", "x265", "avcodec", "xcb-shape"} <= found <= LIBRARY_LICENCES.keys()


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
    assert read_package_licence(package) == expected


def test_who_distributes_an_image_is_told_what_is_not_permissive() -> None:
    licence = (REPOSITORY_ROOT / "LICENSE").read_text()
    assert all(word in licence for word in ("x264", "x265", "NVIDIA", "LGPL", "soxr", "docs/licences.md"))
