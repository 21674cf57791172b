"""Each encoder against a second implementation of its features, with packaged or random weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import dlib
import numpy as np
import pytest
import timm
import torch
import torchaudio
from safetensors.torch import save_file

from personality.constants import PREPROCESSING
from personality.models.encoders import sound, weights
from personality.models.encoders.encoding import EncoderError, Encoding
from personality.models.encoders.load import Encoder, describe_encoding, load_encoder
from personality.models.encoders.weights import find_weights, import_weights, weights_digest
from personality.models.factory import build_network
from personality.models.network import Batch
from personality.models.pretrained_weights import load_backbone_from_package
from personality.preprocessing.sample import EMPTY_SAMPLE, Sample, pick_face_crops
from personality.preprocessing.speech_to_text import Transcript
from personality.preprocessing.text_features import embed_texts
from personality.utils.workspace import WORKSPACE_VARIABLE

TINY_BUNDLE = {  # WavLM's layers in a small size
    **{"extractor_mode": "group_norm", "extractor_conv_bias": False, "encoder_embed_dim": 16},
    "extractor_conv_layer_config": [(8, 10, 5), (8, 3, 2), (8, 3, 2), (8, 3, 2), (8, 3, 2), (8, 2, 2), (8, 2, 2)],
    **{"encoder_projection_dropout": 0.1, "encoder_pos_conv_kernel": 8, "encoder_pos_conv_groups": 4},
    **{"encoder_num_layers": 2, "encoder_num_heads": 4, "encoder_num_buckets": 32, "encoder_max_distance": 80},
    **{"encoder_attention_dropout": 0.1, "encoder_ff_interm_features": 32, "encoder_ff_interm_dropout": 0.0},
    **{"encoder_dropout": 0.1, "encoder_layer_norm_first": False, "encoder_layer_drop": 0.05, "aux_num_out": None},
}


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty workspace, and no encoders of other tests in memory."""
    monkeypatch.setenv(WORKSPACE_VARIABLE, str(tmp_path / "workspace"))
    load_encoder.cache_clear()
    yield tmp_path
    load_encoder.cache_clear()


@pytest.fixture
def sample() -> Sample:
    """Noise as faces and as sound of 7 s, and some words."""
    random = np.random.default_rng(0)
    faces = random.integers(0, 256, (16, 28, 28, 3), dtype=np.uint8)
    crops = np.stack([cv2.resize(face, (224, 224), interpolation=cv2.INTER_CUBIC) for face in faces])
    noise = (random.standard_normal(7 * PREPROCESSING.sample_rate) * 0.1).astype(np.float32)
    window, rest = noise[: PREPROCESSING.samples], noise[PREPROCESSING.samples :]
    words = Transcript("Hello, um, my name is Ada.", ())
    return replace(EMPTY_SAMPLE, faces=crops, audio=window, audio_seconds=5.0, rest=rest, transcript=words)


def load(name: str, *, window: bool = False) -> Encoder:
    return load_encoder(describe_encoding(name, window=window))


def encode(name: str, sample: Sample, *, window: bool = False) -> np.ndarray:
    (found,) = load(name, window=window).encode([sample])
    assert found.dtype == np.float32
    return found


def test_packaged_face_network_equals_backbone_of_preset_compact(sample: Sample) -> None:
    network = build_network("visual", preset="compact", activation="relu").eval()
    load_backbone_from_package(network)
    crops = torch.from_numpy(pick_face_crops(sample.faces, 8)).permute(0, 3, 1, 2)[None]
    with torch.inference_mode():
        expected = network.features(Batch(faces=crops))[0].numpy()
    np.testing.assert_allclose(encode("timm:tf_efficientnet_lite0", sample), expected, atol=1e-3)


def test_timm_encoder_loads_weights_from_file(sample: Sample, tmp_path: Path) -> None:
    torch.manual_seed(0)
    whole = timm.create_model("test_vit", pretrained=False)  # with a classifier, of pictures of 160 pixels
    save_file(whole.state_dict(), tmp_path / "some.safetensors")
    with pytest.raises(EncoderError, match="--weights"):
        load("timm:test_vit")
    import_weights("timm:test_vit", tmp_path / "some.safetensors")
    first, again = encode("timm:test_vit", sample), encode("timm:test_vit", sample)
    assert first.shape == (8, 64)
    np.testing.assert_array_equal(first, again)
    assert first.std(0).min() > 0, "frames differ"


def test_sentence_embedding_equals_text_features(sample: Sample) -> None:
    expected = embed_texts(["hello my name is ada"])
    np.testing.assert_allclose(encode("sentence-transformers:all-MiniLM-L6-v2", sample), expected, atol=1e-5)


def test_face_recognition_network_equals_dlib(sample: Sample) -> None:
    model = dlib.face_recognition_model_v1(str(find_weights("dlib:resnet")))
    chips = [cv2.resize(face, (150, 150), interpolation=cv2.INTER_AREA) for face in pick_face_crops(sample.faces, 8)]
    expected = np.mean([np.array(model.compute_face_descriptor(chip)) for chip in chips], 0)
    np.testing.assert_allclose(encode("dlib:resnet", sample)[0], expected, atol=1e-5)


@pytest.fixture
def tiny_wavlm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> torch.nn.Module:
    """WavLM with small layers and random weights, imported."""
    torch.manual_seed(0)
    monkeypatch.setattr(torchaudio.pipelines.WAVLM_BASE, "_params", TINY_BUNDLE)
    model = torchaudio.models.wavlm_model(**TINY_BUNDLE).eval()
    save_file(model.state_dict(), tmp_path / "wavlm.safetensors")
    import_weights("torchaudio:WAVLM_BASE", tmp_path / "wavlm.safetensors")
    return model


def test_torchaudio_layers_are_averaged_over_equal_parts(
    tiny_wavlm: torchaudio.models.Wav2Vec2Model, sample: Sample
) -> None:
    found = encode("torchaudio:WAVLM_BASE", sample)
    with torch.inference_mode():
        layers, _ = tiny_wavlm.extract_features(torch.from_numpy(sample.sound)[None])
    frames = torch.stack(layers).mean(0)[0]
    assert len(layers) == 2
    assert found.shape == (8, 16)
    np.testing.assert_allclose(found[0], frames[: -(-len(frames) // 8)].mean(0), atol=1e-5)
    window = encode("torchaudio:WAVLM_BASE", sample, window=True)
    first = encode("torchaudio:WAVLM_BASE", replace(sample, rest=np.zeros(0, np.float32)))
    np.testing.assert_allclose(window, first, atol=1e-5)
    assert np.abs(window - found).max() > 1e-3


@pytest.mark.usefixtures("tiny_wavlm")
def test_weights_of_another_network_raise_clear_error(tmp_path: Path) -> None:
    import_weights("torchaudio:HUBERT_BASE", tmp_path / "wavlm.safetensors")
    with pytest.raises(EncoderError, match="no weights of HUBERT_BASE"):
        load("torchaudio:HUBERT_BASE")
    import_weights("timm:test_vit", tmp_path / "wavlm.safetensors")
    with pytest.raises(EncoderError, match="test_vit"):
        load("timm:test_vit")
    import_weights("timm:no_such_model", tmp_path / "wavlm.safetensors")
    with pytest.raises(EncoderError, match="timm has no model"):
        load("timm:no_such_model")


@pytest.mark.usefixtures("tiny_wavlm")
def test_weights_with_another_digest_are_refused() -> None:
    encoding = Encoding("torchaudio:WAVLM_BASE", "0" * 12)
    with pytest.raises(EncoderError, match="digest"):
        load_encoder(encoding)
    assert weights_digest("torchaudio:WAVLM_BASE") != encoding.digest


def test_speaker_network_by_hand(sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With random weights, because the package requires a compiler."""
    torch.manual_seed(0)
    network = sound.SpeakerNetwork().eval()
    torch.save(
        {"step": 1, "model_state": network.state_dict() | {"similarity_weight": torch.ones(1)}}, tmp_path / "w.pt"
    )
    monkeypatch.setattr(weights, "_find_in_package", lambda _: [tmp_path / "w.pt"])
    found = encode("speaker:resemblyzer", sample, window=True)
    frames = torch.from_numpy(sound.compute_speaker_frames(sample.audio))
    starts = range(0, 501 - 160 + 1, 77)
    with torch.inference_mode():
        expected = torch.stack([network(frames[None, start : start + 160])[0] for start in starts]).mean(0)
    np.testing.assert_allclose(found[0], expected / expected.norm(), atol=1e-5)
    assert len(starts) == 5
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)


def test_quiet_speech_is_amplified_and_loud_speech_is_unchanged() -> None:
    tone = np.sin(np.arange(16000) * 0.3).astype(np.float32)
    quiet, loud = (sound.compute_speaker_frames(tone * level) for level in (1e-3, 0.5))
    level = 10 ** (sound.SPEAKER_LEVEL_DB / 10)  # ratio of power
    assert quiet.sum() == pytest.approx(loud.sum() * level / 0.125, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("timm:tf_efficientnet_lite0", "no face"),
        ("dlib:resnet", "no face"),
        ("sentence-transformers:all-MiniLM-L6-v2", "words"),
    ],
)
def test_missing_input_is_explained(name: str, words: str) -> None:
    assert words in load(name).explain_missing(EMPTY_SAMPLE)


@pytest.mark.parametrize("source", ["missing.safetensors", "some.pth"])
def test_missing_or_unsupported_weights_file_raises_clear_error(tmp_path: Path, source: str) -> None:
    (tmp_path / "some.pth").write_bytes(b"pickle")
    with pytest.raises(EncoderError, match="safetensors"):
        import_weights("timm:test_vit", tmp_path / source)
