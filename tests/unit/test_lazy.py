"""Properties that are worked out once, of objects that know nothing of each other."""

from __future__ import annotations

import threading

from groundswell.fleet.lazy import lazy


class Slow:
    """Its answer takes until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()
        self.times = 0

    @lazy
    def answer(self) -> int:
        """An answer."""
        self.begun.set()
        assert self.go.wait(30)
        self.times += 1
        return 42


def test_no_object_waits_for_another() -> None:
    slow, other = Slow(), Slow()
    waiting = threading.Thread(target=lambda: slow.answer)
    waiting.start()
    assert slow.begun.wait(30)
    other.go.set()
    answers: list[int] = []
    asking = threading.Thread(target=lambda: answers.append(other.answer), daemon=True)
    asking.start()
    asking.join(10)
    slow.go.set()
    waiting.join(30)
    assert answers == [42]


def test_it_is_worked_out_once() -> None:
    slow = Slow()
    slow.go.set()
    assert (slow.answer, slow.answer, slow.times) == (42, 42, 1)
    assert Slow.answer.__doc__ == "An answer."
