"""What every kind of trigger has in common."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol, TypeVar

T = TypeVar("T")


class Owner(Protocol):
    """What a trigger has to know of the function that it invokes."""

    @property
    def name(self) -> str: ...

    @property
    def timeout(self) -> int: ...

    @property
    def reserved_concurrency(self) -> int | None: ...

    def triggers_of(self, kind: type[T]) -> list[T]: ...


@dataclass(frozen=True, slots=True)
class Trigger(ABC):
    """What invokes a function, as the project file declares it. Its fields are its keys there.

    A key is `Annotated[type, Key(…)]`: what it takes, and what the documents say of it.
    """

    @property
    @abstractmethod
    def what(self) -> str:
        """What it is called in a message: "queue orders"."""
        ...

    @abstractmethod
    def check(self, function: Owner) -> None:
        """Raise ConfigError for the first value that AWS would refuse; ranges have been checked."""
        ...
