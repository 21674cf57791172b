from __future__ import annotations

import threading
import time

import pytest

from personality.utils.fair_queue import FairQueue


def ask(turns: FairQueue, hold: threading.Event, count: int) -> tuple[list[int], list[list[int]], int]:
    """`count` people, one after the other, all served once `hold` is set: in what order, what places they were told,
    and how many were served at once at most."""
    lock = threading.Lock()
    served: list[int] = []
    places: list[list[int]] = [[] for _ in range(count)]
    now, most = 0, 0

    def come(number: int) -> None:
        nonlocal now, most
        with turns.wait_for_slot(places[number].append):
            with lock:
                served.append(number)
                now += 1
                most = max(most, now)
            hold.wait(10)
            with lock:
                now -= 1

    people = [threading.Thread(target=come, args=(number,)) for number in range(count)]
    for number, person in enumerate(people):
        person.start()
        while not (places[number] or number in served):
            time.sleep(0.001)
    hold.set()
    for person in people:
        person.join()
    return served, places, most


def test_all_are_served_in_the_order_they_came() -> None:
    served, places, most = ask(FairQueue(1), threading.Event(), 8)
    assert served == list(range(8))
    assert most == 1
    assert [seen[0] for seen in places[1:]] == [1, 2, 3, 4, 5, 6, 7]
    assert all(seen == sorted(seen, reverse=True) for seen in places)


def test_as_many_are_served_at_once_as_may_be() -> None:
    served, places, most = ask(FairQueue(2), threading.Event(), 8)
    assert sorted(served) == list(range(8))
    assert most == 2
    assert [seen[:1] for seen in places] == [[], [], [1], [2], [3], [4], [5], [6]]


def test_who_leaves_the_queue_gives_the_place_up() -> None:
    turns = FairQueue(1)

    def leave(place: int) -> None:
        raise KeyboardInterrupt

    with turns.wait_for_slot(lambda place: None), pytest.raises(KeyboardInterrupt), turns.wait_for_slot(leave):
        pass
    with turns.wait_for_slot(leave):
        pass
