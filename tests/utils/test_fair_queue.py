from __future__ import annotations

import threading
import time

import pytest

from personality.utils.fair_queue import FairQueue


def ask(turns: FairQueue, hold: threading.Event, count: int) -> tuple[list[int], list[list[int]], int]:
    """Queue `count` requests one after the other, and grant them once `hold` is set. Return their order, the positions
    reported to each, and the maximum number of concurrent slots."""
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


def test_requests_are_served_in_order_of_arrival() -> None:
    served, places, most = ask(FairQueue(1), threading.Event(), 8)
    assert served == list(range(8))
    assert most == 1
    assert [seen[0] for seen in places[1:]] == [1, 2, 3, 4, 5, 6, 7]
    assert all(seen == sorted(seen, reverse=True) for seen in places)


def test_queue_grants_all_slots_concurrently() -> None:
    served, places, most = ask(FairQueue(2), threading.Event(), 8)
    assert sorted(served) == list(range(8))
    assert most == 2
    assert [seen[:1] for seen in places] == [[], [], [1], [2], [3], [4], [5], [6]]


def test_canceled_request_frees_its_place() -> None:
    turns = FairQueue(1)

    def leave(place: int) -> None:
        raise KeyboardInterrupt

    with turns.wait_for_slot(lambda place: None), pytest.raises(KeyboardInterrupt), turns.wait_for_slot(leave):
        pass
    with turns.wait_for_slot(leave):
        pass


def serve_in_order(turns: FairQueue, users: str) -> str:
    """The users of requests that arrive in this order while another one has the slot, in the order of service."""
    served: list[str] = []
    waiting = threading.Semaphore(0)

    def come(user: str) -> None:
        with turns.wait_for_slot(lambda place: waiting.release(), user):
            served.append(user)

    with turns.wait_for_slot(lambda place: None, "first"):
        people = [threading.Thread(target=come, args=(user,)) for user in users]
        for person in people:
            person.start()
            assert waiting.acquire(timeout=10)
    for person in people:
        person.join()
    return "".join(served)


def test_users_are_served_in_turn() -> None:
    assert serve_in_order(FairQueue(1), "aaaab") == "abaaa"
    assert serve_in_order(FairQueue(1), "aabbcb") == "abcabb"


def test_a_user_who_returns_does_not_overtake_those_who_wait() -> None:
    turns = FairQueue(1)
    assert serve_in_order(turns, "aab") == "aba"
    assert serve_in_order(turns, "abc") == "bca"


def test_a_request_that_takes_long_does_not_keep_others_waiting() -> None:
    turns = FairQueue(1, hold_seconds=0.05)
    places: list[int] = []
    with turns.wait_for_slot(places.append):
        time.sleep(0.1)
        with turns.wait_for_slot(places.append):
            pass
        with turns.wait_for_slot(places.append), turns.wait_for_slot(places.append):
            pass
    assert places == [1]
