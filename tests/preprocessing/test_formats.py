"""Files of every kind that FFmpeg writes here are read with the same times, whatever their names."""

import base64
from pathlib import Path

import av
import numpy as np
import pytest

from personality.constants import PREDICTED_SUFFIXES, VIDEO_SUFFIXES
from personality.preprocessing.media import open_media
from personality.preprocessing.media_errors import MediaError
from personality.preprocessing.sample import read_sample
from tests.preprocessing.clips import RATE, tone, write_clip

# Suffix: format, codecs of picture and sound.
CONTAINERS = {
    "mts": ("mpegts", "libx264", "aac"),
    "ts": ("mpegts", "mpeg2video", "mp2"),
    "mpg": ("mpeg", "mpeg1video", "mp2"),
    "wmv": ("asf", "wmv2", "wmav2"),
    "flv": ("flv", "flv1", "aac"),
    "3gp": ("3gp", "libx264", "aac"),
}


def write_as(path: Path, kind: str) -> Path:
    """Four seconds of a bright block and a tone, 25 frames a second."""
    container, picture, sound = CONTAINERS[kind]
    return write_clip(
        path,
        times=(np.arange(100) / 25).tolist(),
        codec=picture,
        fps=25,
        sound=tone(4.0, 44_100, 1),
        rate=44_100,
        layout="mono",
        audio_codec=sound,
        audio_options={"b": "96000"},
        container_format=container,
        tick=25,
    )


@pytest.mark.parametrize("kind", CONTAINERS)
def test_a_container_gives_picture_and_sound(kind: str, tmp_path: Path) -> None:
    assert f".{kind}" in VIDEO_SUFFIXES
    with open_media(write_as(tmp_path / f"A:B ü.{kind.upper()}", kind)) as video:
        frames, sound = list(video.frames()), video.sound()
        assert video.metadata.duration == pytest.approx(4.0, abs=0.15)
        assert (video.metadata.width, video.metadata.height) == (96, 64)
    assert len(frames) >= 45  # of 100, half of which may be skipped
    assert frames[-1].time == pytest.approx(3.96, abs=0.15)
    assert frames[10].picture()[4, 4].tolist() == pytest.approx([220, 50, 60], abs=45)
    assert sound.seconds == pytest.approx(4.0, abs=0.15)
    assert np.abs(sound.samples[RATE : 2 * RATE]).max() == pytest.approx(0.5, abs=0.1)


def test_an_animation_is_a_video_without_sound(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.gif"), "w") as container:
        stream = container.add_stream("gif", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb8"
        for number in range(20):
            pixels = np.full((48, 64, 3), 12 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="rgb8")))
        container.mux(stream.encode(None))
    with open_media(tmp_path / "a.gif") as video:
        assert len(list(video.frames())) == 20
        assert not video.metadata.has_audio


# Photos of 64x64 pixels that pillow-heif wrote, because nothing here can: of one picture, and of two. The tiles of a
# phone's photo appear as several pictures too.
HEIC = """
AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAVZtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAAAAAERAAAEAAQ
AAAAABegABAAAAAAAAABkAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA1mlwcnAAAAC3aXBjbwAAAHhodmNDAQNw
AAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQArQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbqSSmubgIaDAgAAAMAyA
AAAwAIQGIAAQAHRAHBcrAiQAAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABAAAAAQAAAABBwaXhpAAAAAAMICAgAAAAXaXBtYQAAAAAAAAABAAEE
gQIDBAAAACFtZGF0AAAAFSgBrwtg+sbB1//z0u/KAQcoG7TtwA=="""
HEIC_OF_TWO = """
AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAYRtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAADRpbG9jAAAAAERAAAIAAQ
AAAAABqAABAAAAAAAAABkAAgAAAAABwQABAAAAAAAAABgAAAA4aWluZgAAAAAAAgAAABVpbmZlAgAAAAABAABodmMxAAAAABVpbmZlAgAAAAACAABodmMxAAAA
AA5waXRtAAAAAAABAAAA3WlwcnAAAAC3aXBjbwAAAHhodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQ
ArQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbqSSmubgIaDAgAAAMAyAAAAwAIQGIAAQAHRAHBcrAiQAAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABA
AAAAQAAAABBwaXhpAAAAAAMICAgAAAAeaXBtYQAAAAAAAAACAAEEgQIDBAACBIECAwQAAAA5bWRhdAAAABUoAa8LYPrGwdf/89LvygEHKBu07cAAAAAUKAGvC2
D6xsHX3iibv5Rkfu4e07c="""


def test_a_photo_of_one_picture_is_read_and_one_of_tiles_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(base64.b64decode(HEIC))
    (tmp_path / "b.heic").write_bytes(base64.b64decode(HEIC_OF_TWO))
    with open_media(tmp_path / "a.heic") as photo:
        (frame,) = photo.frames()
        assert frame.picture()[32, 32].tolist() == pytest.approx([200, 60, 60], abs=8)
    with pytest.raises(MediaError, match="tiles"), open_media(tmp_path / "b.heic"):
        pass


@pytest.mark.parametrize(("suffix", "codec"), [("wav", "pcm_s16le"), ("mp3", "libmp3lame"), ("m4a", "aac")])
def test_sound_alone_is_read(suffix: str, codec: str, tmp_path: Path) -> None:
    path, wave = tmp_path / f"A.{suffix}", tone(6.0, 44_100, 1)[:, 0].astype(np.float32)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=44_100, layout="mono")
        resampler = av.AudioResampler(
            format=stream.format, layout="mono", rate=44_100, frame_size=stream.frame_size or 1024
        )
        piece = av.AudioFrame.from_ndarray(wave[None], format="flt", layout="mono")
        piece.rate, piece.pts = 44_100, 0
        for frame in [*resampler.resample(piece), *resampler.resample(None)]:
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert f".{suffix}" in PREDICTED_SUFFIXES
    sample = read_sample(path)
    assert sample.duration == pytest.approx(6.0, abs=0.1)
    assert len(sample.sound) == pytest.approx(6 * RATE, abs=RATE // 10)
    assert len(sample.faces) == 0
    assert "no face was found" in sample.warnings
    assert sample.voice_descriptors.any()
