"""Eight people with a clip each at the same moment: `python -m benchmarks.load CLIP [PEOPLE]`.

What the Predict page does for each, without its drawing: the queue, the reading process, the four models. Says how long
each waited for a turn, which places in the queue were told meanwhile, and when the last model had spoken. Fails where
somebody was served before who came first.
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
    """Print the waits in the order in which people came."""
    print(describe_machine())
    data, models, turns = clip.read_bytes(), load_models(demo.PRACTICE_MODEL_FOLDERS), FairQueue(LIMITS.readers)
    list(predict_updates(read_clip_in_sandbox(data), models))
    waited: dict[int, float] = {}  # in the order in which people were served
    whole: dict[int, float] = {}
    told: list[list[int]] = [[] for _ in range(people)]

    def come(number: int) -> None:
        began = time.perf_counter()
        with turns.wait_for_slot(told[number].append):
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
        places = f", told the places {list(dict.fromkeys(told[number]))}" if told[number] else ""
        print(f"person {number + 1}: waited {waited[number]:.1f} s, had all after {whole[number]:.1f} s{places}")
    print(f"median wait {median(waited.values()):.1f} s, median until all {median(whole.values()):.1f} s; all served")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else SIMULTANEOUS_USERS)
