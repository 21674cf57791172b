from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from personality.constants import LIMITS
from personality.preprocessing import media, streams
from personality.preprocessing.frame import Frame
from personality.preprocessing.media import open_media, probe
from personality.preprocessing.media_errors import MediaError, MediaSource, check_picture_size
from personality.preprocessing.write_video import write_video
from tests.preprocessing.clips import understated, write_clip

RATE = 16_000


def frames(source: MediaSource) -> list[Frame]:
    with open_media(source) as opened:
        return list(opened.frames())


def sound(source: MediaSource) -> tuple[np.ndarray, float]:
    with open_media(source) as opened:
        heard = opened.sound()
    return heard.samples, heard.seconds


def video(path: Path, *, seconds: float = 2.0, fps: int = 10, tone: float = 440.0) -> Path:
    """Return frames whose gray level encodes their number, and a sine of amplitude 0.5."""
    pictures = (np.full((64, 64, 3), 20 + 10 * (number % 20), np.uint8) for number in range(round(seconds * fps)))
    time = np.arange(round(seconds * RATE)) / RATE
    write_video(path, pictures, (0.5 * np.sin(2 * np.pi * tone * time)).astype(np.float32), fps=fps)
    return path


def test_probe_returns_metadata_of_written_video(tmp_path: Path) -> None:
    found = probe(video(tmp_path / "a.mp4"))
    assert (found.width, found.height, found.fps, found.has_audio, found.codec) == (256, 256, 10.0, True, "h264")
    assert found.duration == pytest.approx(2.0, abs=0.1)


def test_frames_come_in_order_with_their_times_and_greys(tmp_path: Path) -> None:
    for frame in (found := frames(video(tmp_path / "a.mp4"))):
        assert frame.picture().shape == (256, 256, 3)
        assert frame.picture().mean() == pytest.approx(20 + 100 * frame.time, abs=3)
    times = [frame.time for frame in found]
    assert times == sorted(times)
    assert len(times) >= 8


def test_bytes_and_path_give_the_same(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4")
    assert probe(path) == probe(path.read_bytes())
    np.testing.assert_array_equal(sound(path)[0], sound(path.read_bytes())[0])


def test_sound_is_five_seconds_padded_with_silence(tmp_path: Path) -> None:
    samples, seconds = sound(video(tmp_path / "a.mp4"))
    assert samples.shape == (80_000,)
    assert samples.dtype == np.float32
    assert seconds == pytest.approx(2.0, abs=0.1)
    assert np.abs(samples[2_000:30_000]).max() == pytest.approx(0.5, abs=0.05)
    assert np.all(samples[36_000:] == 0)
    spectrum = np.abs(np.fft.rfft(samples[:32_000]))
    assert spectrum.argmax() * RATE / 32_000 == pytest.approx(440, abs=1)


def test_long_sound_is_cut(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4", seconds=6)
    samples, seconds = sound(path)
    assert (len(samples), seconds) == (80_000, 5.0)
    with open_media(path) as opened:
        rest = opened.sound().rest
    assert (rest.dtype, len(rest)) == (np.float32, pytest.approx(16_000, abs=1_100))  # AAC ends in whole frames
    joined = np.concatenate([samples, rest])[40_000:95_000]  # the tone goes on over the seam
    assert np.abs(np.diff(joined)).max() < 0.12


def test_sound_beyond_maximum_length_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = video(tmp_path / "a.mp4", seconds=7)
    monkeypatch.setattr(streams, "LIMITS", type(LIMITS)(seconds=5.5))
    with open_media(path) as opened:
        assert len(opened.sound().rest) == 8_000


def test_a_still_is_one_picture_without_sound(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.full((40, 30, 3), 9, np.uint8))
    found = probe(tmp_path / "a.png")
    assert (found.width, found.height, found.duration, found.has_audio) == (30, 40, 0.0, False)
    assert sound(tmp_path / "a.png")[1] == 0.0


@pytest.mark.parametrize(
    "content",
    [
        b"hello, I am a text",
        b"",
        b"ffconcat version 1.0\nfile secret.mp4\n",
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
        b"#EXTM3U\n#EXTINF:1,\nsecret.mp4\n",
    ],
    ids=["text", "empty", "ffconcat", "sdp", "hls"],
)
def test_text_file_named_mp4_raises_clear_error(tmp_path: Path, content: bytes) -> None:
    video(tmp_path / "secret.mp4")
    (tmp_path / "a.mp4").write_bytes(content)
    for source in (tmp_path / "a.mp4", content):
        with pytest.raises(MediaError, match="cannot be read as a video") as caught:
            probe(source)
        assert "\n" not in str(caught.value)


def test_truncated_video_is_refused_or_shorter(tmp_path: Path) -> None:
    data = video(tmp_path / "a.mp4").read_bytes()
    with pytest.raises(MediaError):
        frames(data[: len(data) // 20])


def test_frame_larger_than_declared_is_refused_before_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = understated(tmp_path / "a.avi")
    monkeypatch.setattr(media, "check_picture_size", lambda width, height: None)  # the decoder has to see it alone
    with pytest.raises(MediaError):
        frames(path)
    with monkeypatch.context() as patch:
        patch.setattr(media, "LIMITS", type(LIMITS)(width=6000, height=4000))
        assert frames(path)[0].picture().shape == (4000, 6000, 3)


def test_too_long_video_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "LIMITS", type(LIMITS)(seconds=1.0))
    with pytest.raises(MediaError, match="at most 1 s"):
        probe(video(tmp_path / "a.mp4"))


def test_missing_file_is_named() -> None:
    with pytest.raises(MediaError, match=r"no file -nowhere\.mp4"):
        probe(Path("-nowhere.mp4"))


def many_channels(path: Path, layout: str, rate: int) -> Path:
    """Write a tone in the first channel, and silence in the others."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=rate, layout=layout)
        channels = stream.layout.nb_channels
        video = container.add_stream("mpeg4", rate=10)
        video.width = video.height = 64
        sound = np.zeros((rate * 2, channels), np.int16)
        sound[:, 0] = 16_000 * np.sin(2 * np.pi * 440 * np.arange(rate * 2) / rate)
        frame = av.AudioFrame.from_ndarray(sound.reshape(1, -1), format="s16", layout=layout)
        frame.rate, frame.pts = rate, 0
        container.mux(stream.encode(frame))
        for number in range(20):
            picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 99, np.uint8), format="rgb24")
            picture.pts = number
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
    return path


@pytest.mark.parametrize("rate", [8_000, 44_100, 96_000])
@pytest.mark.parametrize(("layout", "averaged"), [("mono", 1), ("stereo", 2), ("5.1", 1), ("7.1", 1)])
def test_any_number_of_channels_becomes_the_mean_of_a_pair_or_of_those_that_carry_something(
    tmp_path: Path, layout: str, averaged: int, rate: int
) -> None:
    samples, seconds = sound(many_channels(tmp_path / "a.mkv", layout, rate))
    assert seconds == pytest.approx(2, abs=0.01)
    assert np.abs(samples[1_000:30_000]).max() == pytest.approx(16_000 / 32_768 / averaged, rel=0.05)


def test_oversized_still_is_refused_before_decoding(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((5000, 2000, 3), np.uint8))
    with pytest.raises(MediaError, match=r"2000x5000; .*at most"):
        probe(tmp_path / "a.png")
    header = bytearray((tmp_path / "a.png").read_bytes())
    header[16:24] = (40_000).to_bytes(4, "big") * 2
    with pytest.raises(MediaError):
        probe(bytes(header))


def test_mutated_files_are_read_or_refused_with_clear_error(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    whole = np.frombuffer(video(tmp_path / "a.mp4").read_bytes(), np.uint8)
    for _ in range(60):
        mutant = whole.copy()
        places = random.integers(0, len(mutant), random.integers(1, 60))
        mutant[places] = random.integers(0, 256, len(places))
        try:
            frames(mutant.tobytes())
            sound(mutant.tobytes())
        except MediaError as error:
            assert str(error).endswith(".")


def test_files_found_by_fuzzing_are_read_or_refused(tmp_path: Path) -> None:
    """A video with a negative duration in its header is measured; a picture of size zero is refused."""
    data = bytearray(write_clip(tmp_path / "a.webm", times=[0.0, 0.1, 0.2], codec="libvpx").read_bytes())
    length = data.index(b"\x44\x89\x88") + 3  # EBML: the element Duration, a double
    data[length] |= 0x80
    assert probe(bytes(data)).duration == pytest.approx(0.3, abs=0.05)
    with pytest.raises(MediaError, match="0x32"):
        check_picture_size(0, 32)
