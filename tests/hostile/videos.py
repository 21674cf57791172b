"""Hostile videos, and the results of reading them in the sandbox.

Mutants of small valid clips (bytes changed, removed, repeated, truncated; header fields set to extreme values),
playlists and session descriptions that refer to other files, huge frames, noise. Each must give a result or a
one-sentence error within 20 s, without affecting the server.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from personality.constants import upload_limits
from personality.preprocessing.media_errors import OUT_OF_MEMORY_MESSAGE, MediaError
from personality.preprocessing.sample import Sample
from personality.preprocessing.sandbox.client import (
    VIDEO_READER_DIED_MESSAGE,
    VIDEO_READER_SLOW_MESSAGE,
    read_clip_in_sandbox,
)
from tests.preprocessing.clips import tone, understated, write_clip

EXTREMES = (b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00", b"\x00\x00\x00\x01")
SECRET = "secret.mp4"
REFUSED = "rejected with a one-sentence error"
LURE, NOISE, GIANT, MUTANT = "lure", "noise", "giant", "mutant"
KINDS = (
    *((".mp4", "libx264", "aac"), (".webm", "libvpx", "libopus"), (".avi", "mpeg4", "mp3"), (".mov", "mpeg4", "aac")),
    *((".ts", "libx264", "aac"), (".flv", "flv1", "aac"), (".wmv", "wmv2", "mp3")),
)


def hostile(folder: Path, count: int, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """Yield `count` files with their kinds, reproducible by the seed."""
    generator = random.Random(seed)
    good = [good_clip(folder, *kind).read_bytes() for kind in KINDS]
    texts = [text.encode() for text in lures(folder / SECRET)]
    giant = understated(folder / "giant.avi").read_bytes()
    for number in range(count):
        kind = number % 10
        if kind == 0:
            yield LURE, generator.choice(texts)
        elif kind == 1:
            yield NOISE, generator.randbytes(generator.randrange(5000))
        elif kind == 2 and number % 50 == 2:
            yield GIANT, giant[: generator.randrange(len(giant) // 2, len(giant))]
        else:
            yield MUTANT, mutant(generator.choice(good), generator)


def good_clip(folder: Path, suffix: str, codec: str, audio_codec: str) -> Path:
    """Half a second of video and sound."""
    times, sound = [k / 10 for k in range(6)], tone(0.6, 48_000, 2)
    return write_clip(
        folder / f"good{suffix}", times=times, codec=codec, audio_codec=audio_codec, sound=sound, size=(64, 48)
    )


def lures(secret: Path) -> list[str]:
    """Texts that make a decoder open another file or a network connection."""
    return [
        f"ffconcat version 1.0\nfile {secret}\n",
        f"ffconcat version 1.0\nfile /etc/passwd\nfile {secret}\n",
        f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
        f"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file://{secret}'>]><MPD>&b;</MPD>",
        f"concat:{secret}|{secret}",
    ]


def mutant(data: bytes, generator: random.Random) -> bytes:
    """A valid file with one to eight random changes."""
    wounded = bytearray(data)
    for _ in range(generator.randint(1, 8)):
        if len(wounded) < 8:
            break
        place = generator.randrange(len(wounded) - 4)
        if generator.random() < 0.3:
            place = generator.randrange(min(len(wounded) - 4, 600))  # headers
        match generator.randrange(6):
            case 0:
                wounded[place] ^= 1 << generator.randrange(8)
            case 1:
                wounded[place : place + 4] = generator.choice(EXTREMES)
            case 2:
                del wounded[place : place + generator.randrange(1, 200)]
            case 3:
                wounded[place:place] = wounded[place : place + generator.randrange(1, 200)]
            case 4:
                wounded[place : place + 16] = generator.randbytes(16)
            case 5:
                wounded = wounded[: max(place, len(wounded) // 4)]
    return bytes(wounded)


def ends(data: bytes) -> tuple[str, float]:
    """The result of reading, and how many seconds it took."""
    began = time.monotonic()
    try:
        *_, last = read_clip_in_sandbox(data)
        how = "read" if isinstance(last, Sample) else "no result"
    except MediaError as error:
        sentence = str(error)
        assert "\n" not in sentence and SECRET not in sentence, sentence
        deaths = {VIDEO_READER_DIED_MESSAGE: "its process died", OUT_OF_MEMORY_MESSAGE: "too much memory"}
        slow = VIDEO_READER_SLOW_MESSAGE.format(seconds=upload_limits().reader_seconds)
        how = "too slow" if sentence == slow else deaths.get(sentence, REFUSED)
    return how, time.monotonic() - began


def count_ends(count: int) -> tuple[Counter[tuple[str, str]], float]:
    """The number of files by kind and result, and the longest time in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write_clip(place / SECRET, times=[0.0, 0.1], sound=np.zeros((4800, 2)))
        ended = [(kind, *ends(data)) for kind, data in hostile(place, count)]
    return Counter((kind, how) for kind, how, _ in ended), max(seconds for *_, seconds in ended)
