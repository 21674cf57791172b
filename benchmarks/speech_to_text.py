"""Accuracy of speech to text, and detection of English: `python -m benchmarks.speech_to_text [FOLDER]`.

With FOLDER, which contains First Impressions, measures the word error rate on its clips relative to its transcripts.
English, French, German and Spanish are synthesized by espeak-ng and flite, which must be installed; MIN_LOG_PROBABILITY
was selected with the resulting table.
"""

from __future__ import annotations

import io
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.signal import resample_poly

from benchmarks.machine import describe_machine
from personality.constants import PREPROCESSING, VIDEO_SUFFIXES
from personality.dataset.safe_pickle import read_transcription
from personality.preprocessing import speech_to_text
from personality.preprocessing.media import open_media
from personality.preprocessing.text_features import normalise_transcript

SPOKEN_TEXTS = {
    "en": (
        "Hello everybody, today I want to tell you about my trip to Italy with my family. We visited Rome and "
        "Florence, and we ate a lot of ice cream. I think we will go back there next summer.",
        "My name is Claire and I have been making cooking videos for three years. The question you ask me most "
        "often is how to make a good dough, so here is my favorite recipe.",
        "If you want to be successful in life, you have to work every day and never give up. That is what my father "
        "used to tell me when I was little, and I think he was right.",
        "Thank you for watching this video. Don't forget to subscribe and leave a comment. See you soon with a new "
        "story about my dog and my cat.",
    ),
    "fr": (
        "Bonjour à tous, aujourd'hui je vais vous parler de mon voyage en Italie avec ma famille. Nous avons visité "
        "Rome et Florence, et nous avons mangé beaucoup de glaces. Je pense y retourner l'été prochain.",
        "Je m'appelle Claire et je fais des vidéos sur la cuisine depuis trois ans. La question que vous me posez "
        "le plus souvent, c'est comment faire une bonne pâte à crêpes. Alors voilà ma recette préférée.",
        "Si vous voulez réussir dans la vie, il faut travailler tous les jours et ne jamais abandonner. C'est ce "
        "que mon père me disait quand j'étais petit, et je crois qu'il avait raison.",
        "Merci d'avoir regardé cette vidéo. N'oubliez pas de vous abonner et de laisser un commentaire. À bientôt "
        "pour une nouvelle histoire de mon chien et de mon chat.",
    ),
    "de": (
        "Hallo zusammen, heute möchte ich euch von meiner Reise nach Italien erzählen. Wir haben Rom und Florenz "
        "besucht und sehr viel Eis gegessen. Nächsten Sommer fahren wir bestimmt wieder hin.",
        "Ich heiße Claudia und mache seit drei Jahren Videos über das Kochen. Die Frage, die ihr mir am häufigsten "
        "stellt, ist, wie man einen guten Teig macht. Hier ist also mein Lieblingsrezept.",
        "Wenn man im Leben Erfolg haben will, muss man jeden Tag arbeiten und darf niemals aufgeben. Das hat mein "
        "Vater immer gesagt, als ich klein war, und ich glaube, er hatte recht.",
        "Vielen Dank fürs Zuschauen. Vergesst nicht, den Kanal zu abonnieren und einen Kommentar zu schreiben. Bis "
        "bald mit einer neuen Geschichte von meinem Hund und meiner Katze.",
    ),
    "es": (
        "Hola a todos, hoy les voy a hablar de mi viaje a Italia con mi familia. Visitamos Roma y Florencia y "
        "comimos muchos helados. Creo que el próximo verano volveremos otra vez.",
        "Me llamo Clara y hago vídeos de cocina desde hace tres años. La pregunta que más me hacen es cómo se "
        "prepara una buena masa. Así que aquí está mi receta favorita.",
        "Si quieres tener éxito en la vida, tienes que trabajar todos los días y no rendirte nunca. Eso es lo que "
        "me decía mi padre cuando yo era pequeño, y creo que tenía razón.",
        "Muchas gracias por ver este vídeo. No olviden suscribirse y dejar un comentario. Hasta pronto con una "
        "nueva historia de mi perro y de mi gato.",
    ),
}
ESPEAK_VOICES = {
    "en": ("en-us", "en-gb", "en-us+f2", "en-us+m3"),
    "fr": ("fr", "fr+f2", "fr-be+m3"),
    "de": ("de", "de+f2", "de+m3"),
    "es": ("es", "es+f2", "es-419+m3"),
}
SPEECH_WORDS_PER_MINUTE = (130, 170)
FLITE_VOICES = ("kal", "kal16", "awb", "rms", "slt")


def synthesize_with_espeak(text: str, voice: str = "en-us", rate: int = 150) -> np.ndarray:
    """Synthesize a text with espeak-ng as a sound for `speech_to_text.transcribe`."""
    command = ["espeak-ng", "-v", voice, "-s", str(rate), "--stdout", text]
    return _read_wav_at_16_khz(subprocess.run(command, capture_output=True, check=True).stdout)


def synthesize_with_flite(text: str, voice: str) -> np.ndarray:
    """Synthesize a text with flite as a sound for `speech_to_text.transcribe`."""
    command = ["flite", "-voice", voice, "-t", text, "-o", "/dev/stdout"]
    return _read_wav_at_16_khz(subprocess.run(command, capture_output=True, check=True).stdout)


def read_clip_sound(clip: Path) -> np.ndarray:
    """Read the sound of a video, float32 (N,), mono, 16 kHz."""
    with open_media(clip) as video:
        sound = video.sound()
    return np.concatenate([sound.samples[: round(sound.seconds * PREPROCESSING.sample_rate)], sound.rest])


def count_word_errors(reference: str, found: str) -> int:
    """Count the minimum number of words to substitute, insert or delete to transform one text into the other."""
    row = list(range(len(found.split()) + 1))
    for number, word in enumerate(reference.split(), 1):
        last, row = row, [number]
        for place, other in enumerate(found.split()):
            row.append(min(last[place] + (word != other), last[place + 1] + 1, row[-1] + 1))
    return row[-1]


def find_clips_with_transcripts(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield every video below the folder with a transcript in First Impressions."""
    texts: dict[str, str] = {}
    for file in sorted(folder.rglob("transcription_*.pkl")):
        texts |= read_transcription(file)
    for clip in sorted(file for file in folder.rglob("*") if file.suffix in VIDEO_SUFFIXES):
        if clip.name in texts:
            yield clip, texts[clip.name]


def make_word_error_table(folder: Path) -> pd.DataFrame:
    """Return the word error rates of clips, before and after `normalise_transcript`, and the seconds per clip."""
    rows = []
    for clip, reference in find_clips_with_transcripts(folder):
        sound, start = read_clip_sound(clip), time.perf_counter()
        text, seconds = speech_to_text.transcribe(sound).text, time.perf_counter() - start
        plain = normalise_transcript(reference)
        rows.append(
            {
                "clip": clip.name,
                "words": len(reference.split()),
                "errors": count_word_errors(reference, text),
                "words, normalised": len(plain.split()),
                "errors, normalised": count_word_errors(plain, normalise_transcript(text)),
                "s": seconds,
            }
        )
    table = pd.DataFrame(rows)
    table["WER"] = table["errors"] / table["words"]
    table["WER, normalised"] = table["errors, normalised"] / table["words, normalised"]
    return table


def make_language_score_table() -> pd.DataFrame:
    """Return the distribution of mean log-probabilities by language; minus infinity if no words were recognized."""
    model = speech_to_text.load_speech_model()
    scores: dict[str, list[float]] = {}
    for language, sound in _synthesize_spoken_texts():
        found = speech_to_text.recognise(model, sound)
        scores.setdefault(language, []).append(speech_to_text.mean_log_probability(found))
    return pd.DataFrame({language: _describe_scores(np.array(found)) for language, found in scores.items()}).T


def _describe_scores(scores: np.ndarray) -> dict[str, float]:
    shares = {"minimum": 0.0, "5 %": 0.05, "median": 0.5, "95 %": 0.95, "maximum": 1.0}
    places = {name: float(np.quantile(scores, share, method="nearest")) for name, share in shares.items()}
    return {"n": len(scores), **places, "refused": float((scores < speech_to_text.MIN_LOG_PROBABILITY).sum())}


def _synthesize_spoken_texts() -> Iterator[tuple[str, np.ndarray]]:
    for language, texts in SPOKEN_TEXTS.items():
        for text in texts:
            for voice in ESPEAK_VOICES[language]:
                for rate in SPEECH_WORDS_PER_MINUTE:
                    yield language, synthesize_with_espeak(text, voice, rate)
    for text in SPOKEN_TEXTS["en"]:
        for voice in FLITE_VOICES:
            yield "en", synthesize_with_flite(text, voice)


def _read_wav_at_16_khz(wav: bytes) -> np.ndarray:
    """Read a wav file of one channel, float32 (N,), and resample it to 16 kHz."""
    with wave.open(io.BytesIO(wav)) as file:
        rate, content = file.getframerate(), file.readframes(file.getnframes())
    samples = np.frombuffer(content, np.int16) / 2**15
    return resample_poly(samples, PREPROCESSING.sample_rate, rate).astype(np.float32)


def main() -> None:
    print(describe_machine())
    if len(sys.argv) > 1:
        print(make_word_error_table(Path(sys.argv[1])).round(3).to_string(index=False))
    print(make_language_score_table().round(2).to_string())


if __name__ == "__main__":
    main()
