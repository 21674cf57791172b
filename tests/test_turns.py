from __future__ import annotations

import threading
import time

import pytest

from personality.turns import Turns


def test_two_are_served_at_once_and_the_others_in_the_order_they_came() -> None:
    turns, served, busy = Turns(2), [], []
    places: dict[int, list[int]] = {number: [] for number in range(8)}
    lock, all_wait = threading.Lock(), threading.Event()

    def ask(number: int) -> None:
        with turns.turn(places[number].append):
            with lock:
                served.append(number)
                busy.append(1)
                assert len(busy) <= 2
            all_wait.wait(10)
            with lock:
                busy.pop()

    people = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for number, person in enumerate(people):
        person.start()
        while not (places[number] or number in served):
            time.sleep(0.001)
    all_wait.set()
    for person in people:
        person.join()
    assert all(abs(served.index(number) - number) <= 1 for number in range(8))  # two may go in at the same moment
    assert places[0] == places[1] == []
    for number in range(2, 8):
        assert places[number][0] == number - 1
        assert places[number] == sorted(places[number], reverse=True)


def test_who_leaves_the_queue_gives_the_place_up() -> None:
    turns = Turns(1)

    def leave(place: int) -> None:
        raise KeyboardInterrupt

    with turns.turn(lambda place: None), pytest.raises(KeyboardInterrupt), turns.turn(leave):
        pass
    with turns.turn(leave):
        pass
