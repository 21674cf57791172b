"""Load test of the Predict page: `python -m benchmarks.load CLIP [PEOPLE]` predicts a clip for 8 people at once.

It runs the queue, the reader process and the models of the page without its user interface, and prints for each person
the waiting time, the displayed positions in the queue, and the time of the last prediction. It fails if people are not
served in the order of arrival.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from statistics import median

from benchmarks.machine import describe_machine
from personality.assets import demo
from personality.constants import LIMITS
from personality.inference.predict import Impression, load_models, predict_updates
from personality.preprocessing.sandbox.client import read_clip_in_sandbox
from personality.utils.fair_queue import FairQueue

SIMULTANEOUS_USERS = 8


def main(clip: Path, people: int) -> None:
    """Print the waiting times in the order of arrival."""
    print(describe_machine())
    data, models, turns = clip.read_bytes(), load_models(demo.PRACTICE_MODEL_FOLDERS), FairQueue(LIMITS.readers)
    list(predict_updates(read_clip_in_sandbox(data), models))
    waited: dict[int, float] = {}  # in the order in which people were served
    whole: dict[int, float] = {}
    places_shown: list[list[int]] = [[] for _ in range(people)]

    def come(number: int) -> None:
        began = time.perf_counter()
        with turns.wait_for_slot(places_shown[number].append):
            waited[number] = time.perf_counter() - began
            said = [
                piece for piece in predict_updates(read_clip_in_sandbox(data), models) if isinstance(piece, Impression)
            ]
        assert len(said) == len(models)
        whole[number] = time.perf_counter() - began

    threads = [threading.Thread(target=come, args=(number,)) for number in range(people)]
    for thread in threads:
        thread.start()
        time.sleep(0.01)
    for thread in threads:
        thread.join()
    assert list(waited) == sorted(waited), f"served in the order {list(waited)}"
    for number in range(people):
        places = f", places in the queue {list(dict.fromkeys(places_shown[number]))}" if places_shown[number] else ""
        print(f"person {number + 1}: waited {waited[number]:.1f} s, had all after {whole[number]:.1f} s{places}")
    print(f"median wait {median(waited.values()):.1f} s, median until all {median(whole.values()):.1f} s; all served")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else SIMULTANEOUS_USERS)
