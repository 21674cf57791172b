"""Selection of streams: default flags, silent tracks, cover images, unknown codecs, changing formats."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition

from personality.preprocessing.media import open_media
from tests.preprocessing.clips import RATE, noise, picture, tone, write_clip, write_tracks

ONE, OTHER = noise(2.0, 1), noise(2.0, 2)
SILENCE = np.zeros(2 * RATE, np.float32)
DARK, BRIGHT = np.full((64, 96, 3), 30, np.uint8), np.full((64, 96, 3), 200, np.uint8)


def shots(pixels: np.ndarray) -> list[tuple[float, np.ndarray]]:
    return [(number / 10, pixels) for number in range(20)]


@pytest.mark.parametrize(
    ("tracks", "default", "heard", "number"),
    [
        ([ONE, OTHER], 0, ONE, 1),
        ([ONE, OTHER], 1, OTHER, 2),
        ([SILENCE, OTHER], 0, OTHER, 2),
        ([ONE, SILENCE], 1, ONE, 1),
        ([SILENCE] * 5 + [OTHER] * 5, 0, OTHER, 6),
        ([ONE * np.float32(0.005), OTHER], 0, OTHER, 2),
        ([SILENCE + np.float32(0.01), OTHER], 0, OTHER, 2),
        ([ONE * np.float32(0.1), OTHER], 0, ONE * np.float32(0.1), 1),
    ],
    ids=["first", "default", "silent", "silent default", "eleven streams", "hiss", "constant", "quiet"],
)
def test_default_audio_track_is_used_unless_silent(
    tmp_path: Path, tracks: list[np.ndarray], default: int, heard: np.ndarray, number: int
) -> None:
    path = write_tracks(
        tmp_path / "a.mkv", pictures=shots(DARK), tracks=[[(0.0, track)] for track in tracks], default=default
    )
    with open_media(path) as video:
        np.testing.assert_allclose(video.sound().samples[: 2 * RATE], heard, atol=1e-4)
        (note,) = video.notes()
    assert f"number {number} " in note


@pytest.mark.parametrize("suffix", ["ts", "mpg"])
def test_of_joined_recordings_the_first_is_read(tmp_path: Path, suffix: str) -> None:
    """Otherwise the picture would be that of the first, and the sound that of the second."""
    codecs = {"ts": ("libx264", "aac"), "mpg": ("mpeg1video", "mp2")}[suffix]
    kind: dict[str, Any] = {"codec": codecs[0], "audio_codec": codecs[1], "fps": 25, "rate": 44_100, "layout": "mono"}
    parts = [
        write_clip(
            tmp_path / f"{number}.{suffix}",
            times=(np.arange(75) / 25).tolist(),
            sound=tone(3.0, 44_100, 1) * level,
            tick=25,
            **kind,
        )
        for number, level in enumerate((0.2, 1.0))
    ]
    (tmp_path / f"joined.{suffix}").write_bytes(b"".join(part.read_bytes() for part in parts))
    with open_media(tmp_path / f"joined.{suffix}") as video:
        assert video.metadata.duration == pytest.approx(3.0, abs=0.2)
        assert max(frame.time for frame in video.frames()) < 3.2
        assert np.abs(video.sound().samples[RATE : 2 * RATE]).max() == pytest.approx(0.1, abs=0.03)
        assert any("restarts" in note for note in video.notes())


def test_pictures_and_sound_before_the_start_of_an_edit_list_do_not_count(tmp_path: Path) -> None:
    """What a phone writes where a recording is trimmed without encoding it again."""
    path = tmp_path / "trimmed.mp4"
    with av.open(str(path), "w", options={"avoid_negative_ts": "disabled"}) as container:
        stream = container.add_stream("libx264", rate=10, options={"bf": "0", "g": "100"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for number in range(50):
            frame = av.VideoFrame.from_ndarray(DARK, format="rgb24")  # one keyframe, in the hidden part
            frame.pts, frame.time_base = 100 * number - 2_000, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with open_media(path) as video:
        times = [frame.time for frame in video.frames()]
        assert video.metadata.duration == pytest.approx(3.0, abs=0.11)
        assert (min(times), max(times)) == pytest.approx((0.0, 2.9), abs=0.11)
        assert video.picture_span[0] == pytest.approx(0.0, abs=0.11)


@pytest.mark.parametrize(("default", "grey"), [(0, 30), (1, 200)])
def test_default_video_stream_is_used(tmp_path: Path, default: int, grey: int) -> None:
    path = write_tracks(
        tmp_path / "a.mkv", pictures=shots(DARK), more_pictures=[shots(BRIGHT)], default_picture=default
    )
    with open_media(path) as video:
        assert next(video.frames()).picture().mean() == pytest.approx(grey, abs=4)
        assert any(f"number {default + 1} " in note for note in video.notes())


def with_cover(path: Path, *, video: bool) -> Path:
    """Write a file with a cover image before a video, or with a cover image and sound only."""
    with av.open(str(path), "w") as container:
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 96, 64, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        shown = container.add_stream("libx264", rate=10) if video else None
        sound = container.add_stream("aac", rate=RATE, layout="mono")
        if shown:
            shown.width, shown.height, shown.pix_fmt = 96, 64, "yuv420p"
        container.mux(cover.encode(av.VideoFrame.from_ndarray(BRIGHT, format="rgb24").reformat(format="yuvj420p")))
        for number in range(10 if shown else 0):
            frame = av.VideoFrame.from_ndarray(DARK, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(shown.encode(frame) if shown else [])
        frame = av.AudioFrame.from_ndarray(ONE[None, :1024], format="fltp", layout="mono")
        frame.rate, frame.pts = RATE, 0
        container.mux(sound.encode(frame))
        for stream in filter(None, (cover, shown, sound)):
            container.mux(stream.encode(None))
    return path


def test_cover_image_is_not_used_as_video(tmp_path: Path) -> None:
    with open_media(with_cover(tmp_path / "a.mp4", video=True)) as video:
        assert next(video.frames()).picture().mean() == pytest.approx(30, abs=4)
    with open_media(with_cover(tmp_path / "b.mp4", video=False)) as sound:
        assert list(sound.frames()) == []
        assert (sound.metadata.width, sound.metadata.has_audio) == (0, True)
        assert sound.sound().seconds > 0


def test_picture_is_read_if_sound_has_unknown_codec(tmp_path: Path) -> None:
    path = write_tracks(tmp_path / "a.mkv", pictures=shots(DARK), tracks=[[(0.0, ONE)]])
    path.write_bytes(path.read_bytes().replace(b"A_PCM/INT/LIT", b"A_ZZZ/INT/LIT"))
    with open_media(path) as video:
        assert len(list(video.frames())) == 20
        assert not video.metadata.has_audio
        assert not video.sound().samples.any()
        assert any("codec" in note for note in video.notes())


def test_sound_with_changing_format_is_read(tmp_path: Path) -> None:
    """An MP3 packet states its rate and channels: 440 Hz in stereo at 44.1 kHz, then 880 Hz in mono at 32 kHz."""
    path = tmp_path / "a.mkv"
    kinds = ((44_100, "stereo", 440.0), (32_000, "mono", 880.0))
    sources = [
        write_clip(tmp_path / f"{rate}.mkv", times=[0, 1.9], sound=tone(2, rate, 2 if layout == "stereo" else 1, hertz),
                   rate=rate, layout=layout, audio_codec="libmp3lame")
        for rate, layout, hertz in kinds
    ]  # fmt: skip
    with av.open(str(path), "w") as out, av.open(str(sources[0])) as first, av.open(str(sources[1])) as second:
        video, sound = (out.add_stream_from_template(stream) for stream in first.streams)
        packets = [one for one in first.demux() if one.dts is not None]
        later = [one for one in second.demux(second.streams.audio[0]) if one.dts is not None]
        for packet in later:
            packet.pts, packet.dts = packet.pts + 2100, packet.dts + 2100
        for packet in [*packets, *later]:
            packet.stream = video if packet.stream.type == "video" else sound
            out.mux(packet)
    with open_media(path) as opened:
        heard = opened.sound()
    assert heard.seconds == pytest.approx(4.1, abs=0.1)
    for start, hertz in ((0.5, 440), (2.5, 880)):
        part = heard.samples[round(start * RATE) : round((start + 1) * RATE)]
        assert np.abs(np.fft.rfft(part)).argmax() == pytest.approx(hertz, abs=2)


def test_video_with_changing_size_keeps_first_size(tmp_path: Path) -> None:
    """A recorder may reduce its resolution: each VP8 key frame states its size."""
    sizes = ((96, 64), (48, 32))
    parts = [write_clip(tmp_path / f"{w}.webm", times=[0.0, 0.1, 0.2], size=(w, h), codec="libvpx") for w, h in sizes]
    with av.open(str(tmp_path / "a.webm"), "w") as out, av.open(str(parts[0])) as one, av.open(str(parts[1])) as two:
        stream = out.add_stream_from_template(one.streams[0])
        for offset, part in ((0, one), (300, two)):
            for packet in part.demux():
                if packet.dts is not None:
                    packet.pts, packet.dts = packet.pts + offset, packet.dts + offset
                    packet.stream = stream
                    out.mux(packet)
    with open_media(tmp_path / "a.webm") as video:
        frames = list(video.frames())
    assert {(frame.decoded.width, frame.decoded.height) for frame in frames} == set(sizes)
    for number, frame in enumerate(frames):
        expected = picture(number % 3, 96, 64)
        assert np.abs(frame.picture().astype(int) - expected).mean() < 12
