"""Lines on standard error: what runs, and how long the rest will take."""

from __future__ import annotations

import sys
import time


class Progress:
    """Counts down the seconds that were announced, corrected by how long those before really took."""

    def __init__(self):
        self.announced = 0.0
        self.done = 0.0
        self.started = time.monotonic()

    def announce(self, seconds: float) -> None:
        self.announced += seconds

    def step(self, text: str, seconds: float) -> None:
        """A step begins that was announced with so many seconds."""
        self.say(f"{text}; about {duration(self.left)} left")
        self.done += seconds

    @property
    def left(self) -> float:
        passed = time.monotonic() - self.started
        pace = passed / self.done if self.done > 10 else 1
        return max(0, self.announced - self.done) * pace

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
