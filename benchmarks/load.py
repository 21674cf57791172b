"""Eight people with a clip each at the same moment: `python -m benchmarks.load CLIP [PEOPLE]`.

What the Predict page does for each, without its drawing: the queue, the reading process, the four models. Says how long
each waited for a turn and until the last model had spoken.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from statistics import median

from benchmarks.machine import describe
from personality import demo
from personality.constants import LIMITS
from personality.predict import Impression, load_models, predict
from personality.preprocessing.isolate import read_apart
from personality.turns import Turns

PEOPLE = 8


def main(clip: Path, people: int) -> None:
    """Print the waits in the order in which people came."""
    print(describe())
    data, models, turns = clip.read_bytes(), load_models(demo.MODELS), Turns(LIMITS.readers)
    list(predict(read_apart(data), models))
    waited: dict[int, float] = {}
    whole: dict[int, float] = {}

    def come(number: int) -> None:
        began = time.perf_counter()
        with turns.turn(lambda place: None):
            waited[number] = time.perf_counter() - began
            said = [piece for piece in predict(read_apart(data), models) if isinstance(piece, Impression)]
        assert len(said) == len(models)
        whole[number] = time.perf_counter() - began

    threads = [threading.Thread(target=come, args=(number,)) for number in range(people)]
    for thread in threads:
        thread.start()
        time.sleep(0.01)
    for thread in threads:
        thread.join()
    for number in range(people):
        print(f"person {number + 1}: waited {waited[number]:.1f} s, had all after {whole[number]:.1f} s")
    print(f"median wait {median(waited.values()):.1f} s, median until all {median(whole.values()):.1f} s; all served")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else PEOPLE)
