"""Pixels are square, upright and in standard dynamic range; uncertain faces are not reported."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from personality.preprocessing.frame import square_size
from personality.preprocessing.media import open_media
from personality.preprocessing.sample import read_sample
from personality.preprocessing.tone_mapping import BT2020_TO_BT709, HLG, PQ, tone_map
from tests.preprocessing.clips import picture, sample_picture, video_of, write_clip

PQ_203_NITS, HLG_203_NITS = 0.5807, 0.75  # signals of diffuse white, ITU-R BT.2408 table 1
GREY = (0.9 ** (1 / 2.4)) * 255  # what diffuse white becomes


def plain(signal: float) -> np.ndarray:
    return np.full((2, 2, 3), round(signal * 65_535), np.uint16)


@pytest.mark.parametrize(("transfer", "white"), [(PQ, PQ_203_NITS), (HLG, HLG_203_NITS)])
def test_diffuse_white_black_and_the_order_of_greys(transfer: int, white: float) -> None:
    assert tone_map(plain(white), transfer) == pytest.approx(np.full((2, 2, 3), GREY), abs=2)
    assert tone_map(plain(0.0), transfer).max() <= 2
    greys = [int(tone_map(plain(signal), transfer)[0, 0, 0]) for signal in np.linspace(0, 1, 50)]
    assert greys == sorted(greys)
    assert 245 < greys[-1] <= 255


def as_high_range(pixels: np.ndarray, transfer: int) -> np.ndarray:
    """Convert a standard picture, uint8 with white at 203 cd/m2, to PQ or HLG with BT.2020 primaries, uint16, by the
    formulas of BT.2100."""
    light = (pixels / 255) ** 2.4 @ np.linalg.inv(BT2020_TO_BT709).T
    light = np.maximum(light, 0)
    if transfer == PQ:
        power = (light * 203 / 10_000) ** (2610 / 16_384)
        signal = ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)
    else:
        display = light * 203 / 1000
        luminance = np.maximum(display @ [0.2627, 0.6780, 0.0593], 1e-9)[..., None]
        scene = display * luminance ** (1 / 1.2 - 1)
        logarithm = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
        signal = np.where(scene <= 1 / 12, np.sqrt(3 * scene), logarithm)
    return (signal.clip(0, 1) * 65_535).round().astype(np.uint16)


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_high_dynamic_range_phone_video_matches_standard_range(tmp_path: Path, transfer: int) -> None:
    person = sample_picture()
    with av.open(str(tmp_path / "a.mov"), "w") as container:
        stream = container.add_stream("libx265", rate=10, options={"x265-params": "log-level=none", "crf": "18"})
        stream.height, stream.width, stream.pix_fmt = 256, 256, "yuv420p10le"
        stream.codec_context.color_trc = transfer
        stream.codec_context.color_primaries = stream.codec_context.colorspace = 9
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(as_high_range(person, transfer), format="rgb48le")
            frame = frame.reformat(format="yuv420p10le", dst_colorspace=9)
            frame.pts, frame.time_base = number, Fraction(1, 10)
            frame.color_trc, frame.color_primaries = transfer, 9
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with open_media(tmp_path / "a.mov") as video:
        found = next(video.frames())
        assert found.decoded.color_trc == transfer
        shown, grey = found.picture(), found.grey()
    assert np.abs(shown.mean((0, 1)) - person.mean((0, 1))).max() < 15
    assert np.abs(shown.astype(int) - person).mean() < 8
    assert grey.shape == (256, 256)


@pytest.mark.parametrize(("stored", "aspect"), [((144, 256), Fraction(16, 9)), ((256, 144), Fraction(9, 16))])
def test_pixels_are_square(tmp_path: Path, stored: tuple[int, int], aspect: Fraction) -> None:
    """A circle has equal width and height."""
    x, y = np.meshgrid(np.arange(256) - 128, np.arange(256) - 128)
    disc = np.repeat(np.where(np.hypot(x, y) < 80, 220, 20).astype(np.uint8)[..., None], 3, axis=2)
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height = stored
        stream.pix_fmt, stream.codec_context.sample_aspect_ratio = "yuv420p", aspect
        frame = av.VideoFrame.from_ndarray(disc, format="rgb24").reformat(width=stored[0], height=stored[1])
        container.mux(stream.encode(frame.reformat(format="yuv420p")))
        container.mux(stream.encode(None))
    with open_media(tmp_path / "a.mp4") as video:
        found = next(video.frames())
        assert (video.metadata.width, video.metadata.height) == (256, 256)
    inside = found.grey() > 120
    assert inside.any(0).sum() == pytest.approx(160, abs=4)
    assert inside.any(1).sum() == pytest.approx(160, abs=4)


def test_an_absurd_pixel_aspect_is_ignored() -> None:
    assert square_size(320, 240, 1000.0) == (320, 240)
    assert square_size(720, 576, 16 / 15) == (768, 576)
    assert square_size(480, 480, 0.5) == (480, 960)


MATRICES = {  # a, b, c, d of the display matrix: x' = ax + cy, y' = bx + dy; where the block at the top left goes
    "mirrored": ((-1, 0, 0, 1), (False, True)),
    "upside down, mirrored": ((1, 0, 0, -1), (True, False)),
    "transposed": ((0, 1, 1, 0), (True, True)),
    "turned and mirrored": ((0, -1, -1, 0), (False, False)),
}


@pytest.mark.parametrize("name", MATRICES)
def test_a_mirrored_display_matrix_is_followed(tmp_path: Path, name: str) -> None:
    (a, b, c, d), _ = MATRICES[name]
    path = write_clip(tmp_path / "a.mp4", times=[0.0, 0.1], size=(96, 64))
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 44
    x, y = (96 if a + c < 0 else 0), (64 if b + d < 0 else 0)
    data[place : place + 36] = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, x << 16, y << 16, 1 << 30)
    path.write_bytes(data)
    with open_media(path) as video:
        shown = next(video.frames()).picture()
    expected = picture(0, 96, 64)
    if b:
        expected = expected.swapaxes(0, 1)
    expected = expected[:: -1 if b + d < 0 else 1, :: -1 if a + c < 0 else 1]
    assert shown.shape == expected.shape
    assert np.abs(shown.astype(int) - expected).mean() < 3


def test_upside_down_picture_is_turned(tmp_path: Path) -> None:
    person = sample_picture()
    upright = read_sample(video_of(tmp_path / "a.mp4", person))
    turned = read_sample(video_of(tmp_path / "b.mp4", np.ascontiguousarray(person[::-1, ::-1])))
    assert len(turned.faces) == len(upright.faces)
    assert any("180 degrees" in note for note in turned.warnings)
    difference = turned.faces[0].astype(int) - upright.faces[0]
    assert np.abs(difference).mean() < 8
