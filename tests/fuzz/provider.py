"""Decisions from the bytes of an input; without atheris, too, so that any Python can replay."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Provider:
    """Takes from the front; behind the end are zeros."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, size: int) -> bytes:
        """So many bytes."""
        taken = self._data[self._at : self._at + size]
        self._at += size
        return taken.ljust(size, b"\0")

    def number(self, below: int) -> int:
        """0 <= number < below."""
        return int.from_bytes(self.take(2), "little") % below

    def integer(self) -> int:
        """Of 64 bits, with or without a sign."""
        return int.from_bytes(self.take(8), "little", signed=self.number(2) == 1)

    def frame(self) -> bytes:
        """A few, or all that are left."""
        return self.take(self.number(64)) if self.number(2) else self.rest()

    def text(self) -> str:
        return self.take(self.number(32)).decode(errors="replace")

    def choice(self, among: Sequence[T]) -> T:
        return among[self.number(len(among))]

    def rest(self) -> bytes:
        left = self._data[self._at :]
        self._at = len(self._data)
        return left
