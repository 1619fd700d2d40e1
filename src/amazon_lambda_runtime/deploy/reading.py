"""How a plan reads: what several functions need is asked once, and functions are read side by side.

A plan of fifty functions is some five hundred questions to AWS, and each takes the time of a round
trip. Nothing here is used while something changes: an answer would be an old one.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")

#: As many as botocore keeps connections to a service, and fewer than AWS refuses.
AT_ONCE = 8


class SharedReads:
    """Answers by what was asked. Who asks what is being asked waits for that answer."""

    def __init__(self) -> None:
        self._answers: dict[str, Future[dict[str, Any]]] = {}
        self._lock = threading.Lock()

    def ask(self, question: str, attempt: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return what `attempt` returns, or raise what it raises, the first time it is asked."""
        with self._lock:
            first = question not in self._answers
            answer = self._answers.setdefault(question, Future())
        if first:
            try:
                answer.set_result(attempt())
            except BaseException as error:
                answer.set_exception(error)
        return dict(answer.result())


def side_by_side(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Return the results in the order of the items. The first error ends it.

    The threads are daemons: Ctrl-C does not wait for what AWS has not answered yet.
    """
    if len(items) < 2:
        return [work(item) for item in items]
    todo: queue.SimpleQueue[int] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[int, Callable[[], R]]] = queue.SimpleQueue()
    for number in range(len(items)):
        todo.put(number)

    def take() -> None:
        while True:
            try:
                number = todo.get_nowait()
            except queue.Empty:
                return
            outcome: Future[R] = Future()
            try:
                outcome.set_result(work(items[number]))
            except BaseException as error:
                outcome.set_exception(error)
            done.put((number, outcome.result))

    for _ in range(min(AT_ONCE, len(items))):
        threading.Thread(target=take, daemon=True).start()
    results: dict[int, R] = {}
    try:
        for _ in items:
            number, result = done.get()
            results[number] = result()
    except BaseException:
        while not todo.empty():
            todo.get_nowait()
        raise
    return [results[number] for number in range(len(items))]
