"""What was found: medians, ratios pair by pair, targets, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

from .load import Measurement


@dataclass
class Series:
    """The turns of one server in one case, in the order of the rounds."""

    title: str
    turns: list[Measurement] = field(default_factory=list)

    def middle(self, name: str) -> float:
        return median(getattr(turn, name) for turn in self.turns)

    @property
    def errors(self) -> int:
        return sum(turn.errors for turn in self.turns)

    @property
    def first_error(self) -> str:
        return next((turn.first_error for turn in self.turns if turn.first_error), "")


def ratios(ours: Series, theirs: Series) -> list[float]:
    """Round by round, so that a slow minute of the machine weighs on both sides of a pair."""
    return [mine.rate / other.rate for mine, other in zip(ours.turns, theirs.turns) if other.rate]


@dataclass
class Target:
    """One sentence of what was promised, and whether this run kept it."""

    sentence: str
    wanted: float
    found: float
    unit: str = ""
    spread: tuple[float, float] | None = None
    reached_when: Callable[[float, float], bool] = field(default=lambda found, wanted: found >= wanted, repr=False)

    @property
    def is_reached(self) -> bool:
        return self.reached_when(self.found, self.wanted)

    @property
    def document(self) -> dict:
        return {
            "target": self.sentence, "wanted": self.wanted, "found": round(self.found, 3), "unit": self.unit,
            "lowest": self.spread and round(self.spread[0], 3), "highest": self.spread and round(self.spread[1], 3),
            "reached": self.is_reached,
        }  # fmt: skip

    @classmethod
    def ratio(cls, sentence: str, wanted: float, found: list[float], **rule) -> Target:
        return cls(sentence, wanted, median(found), "×", (min(found), max(found)), **rule)


@dataclass
class Section:
    """One part of the report."""

    part: str
    title: str
    series: list[Series] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    facts: dict[str, float | int | str] = field(default_factory=dict)

    @property
    def document(self) -> dict:
        return {
            "part": self.part,
            "title": self.title,
            "series": [
                {"title": each.title, "median_rate": round(each.middle("rate"), 1)}
                | {"turns": [turn.document for turn in each.turns]}
                for each in self.series
            ],
            "targets": [target.document for target in self.targets],
            "facts": self.facts,
        }


@dataclass
class Report:
    """The whole run."""

    machine: dict
    settings: dict
    sections: list[Section] = field(default_factory=list)
    flushes_per_second: list[float] = field(default_factory=list)

    @property
    def targets(self) -> list[Target]:
        return [target for section in self.sections for target in section.targets]

    @property
    def document(self) -> dict:
        return {
            "machine": self.machine,
            "settings": self.settings,
            "flushes_per_second": [round(rate, 1) for rate in self.flushes_per_second],
            "sections": [section.document for section in self.sections],
        }

    @property
    def text(self) -> str:
        blocks = [self.opening, *(section_text(section) for section in self.sections)]
        if self.targets:
            reached = sum(target.is_reached for target in self.targets)
            blocks.append(f"{reached} of {len(self.targets)} targets reached in this run")
        return "\n\n".join(blocks)

    @property
    def opening(self) -> str:
        machine = self.machine
        versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
        lines = [
            f"{machine['processor']}, {machine['cores']} cores, {machine['memory_bytes'] / 2**30:.0f} GiB; "
            f"{machine['system']}, {machine['kernel']}",
            f"file system of the stores: {machine['file_system']}",
            versions,
            f"load before the run: {machine['load_before']:.2f} (from 0.5 on somebody else was at work: trust ratios only)",
            *(f"{name}: {value}" for name, value in self.settings.items()),
        ]
        if rates := self.flushes_per_second:
            lines.append(
                f"4 KiB overwrite and fdatasync on this disk: {median(rates):,.0f}/s "
                f"({min(rates):,.0f} to {max(rates):,.0f})"
            )
        return "\n".join(lines)


def section_text(section: Section) -> str:
    lines = [section.title]
    if section.series:
        lines.append(f"  {'':<34}{'per second':>11}{'p50 ms':>9}{'p99 ms':>9}{'CPU µs':>9}{'errors':>8}{'disk':>9}")
    for series in section.series:
        lines.append(
            f"  {series.title:<34}{series.middle('rate'):>11,.0f}{milliseconds(series, 'p50_us')}"
            f"{milliseconds(series, 'p99_us')}{series.middle('cpu_us_per_event'):>9.1f}{series.errors:>8}"
            f"{series.middle('disk_flushes_per_second'):>9,.0f}"
        )
        if series.first_error:
            lines.append(f"    first error: {series.first_error}")
    lines += [f"  {name}: {number_text(value)}" for name, value in section.facts.items()]
    lines += [target_text(target) for target in section.targets]
    return "\n".join(lines)


def milliseconds(series: Series, name: str) -> str:
    """A dash where a case has no latency."""
    found = series.middle(name) / 1000
    return f"{found:>9.2f}" if found else f"{'-':>9}"


def target_text(target: Target) -> str:
    mark = "reached" if target.is_reached else "MISSED "
    spread = f" ({number_text(target.spread[0])} to {number_text(target.spread[1])})" if target.spread else ""
    unit = f" {target.unit}" if target.unit else ""
    return f"  {mark}  {target.sentence}: {number_text(target.found)}{unit}{spread}"


def number_text(value) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
