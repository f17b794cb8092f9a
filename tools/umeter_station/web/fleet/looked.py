"""A dry run as it is shown: what changes how often, and each meter, what is against it first."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from umeter_station import change
from umeter_station.fleet.preview import Preview
from umeter_station.web.fleet import choosing

MOST_LINES = 200


@dataclass(frozen=True)
class Changed:
    """One setting, in words, of so many meters."""

    key: str
    before: str
    after: str
    meters: int = 1

    @property
    def changes(self) -> bool:
        return self.before != self.after


@dataclass(frozen=True)
class Line:
    """One meter. `cuts`: channels that would be cut off; `refusal`: why it would take nothing."""

    meter: str
    is_online: bool
    changed: tuple[Changed, ...]
    warnings: tuple[str, ...]
    cuts: tuple[int, ...]
    refusal: str

    @property
    def rank(self) -> int:
        """What has to be read first is smallest."""
        if self.refusal:
            return 0
        if self.cuts:
            return 1
        return 2 if self.warnings else 3 if any(c.changes for c in self.changed) else 4


@dataclass(frozen=True)
class Looked:
    """`left_out` lines are not shown, `cuts` counts channels, `unchanged` meters have it so
    already; `mark` names what was looked at."""

    meters: int
    away: int
    refused: int
    cuts: int
    warned: int
    unchanged: int
    changed: tuple[Changed, ...]
    lines: tuple[Line, ...]
    mark: str

    @property
    def left_out(self) -> int:
        return self.meters - len(self.lines)

    @property
    def taking(self) -> int:
        return self.meters - self.refused


def looked(seen: Sequence[Preview]) -> Looked:
    lines = [_line(one) for one in seen]
    lines.sort(key=lambda line: (line.rank, line.meter))
    number = Counter(one for line in lines for one in line.changed)
    changed = [Changed(c.key, c.before, c.after, n) for c, n in number.items()]
    changed.sort(key=lambda c: (c.key, -c.meters, c.before))
    return Looked(
        meters=len(seen),
        away=sum(not line.is_online for line in lines),
        refused=sum(bool(line.refusal) for line in lines),
        cuts=sum(len(line.cuts) for line in lines),
        warned=sum(bool(line.warnings) for line in lines),
        unchanged=sum(line.rank == 4 for line in lines),
        changed=tuple(changed),
        lines=tuple(lines[:MOST_LINES]),
        mark=choosing.mark(seen),
    )


def _line(one: Preview) -> Line:
    changed = tuple(
        Changed(d.key, change.shown(d.key, d.before), change.shown(d.key, d.after))
        for d in one.differences
    )
    is_online = one.presence == "online"
    return Line(one.meter, is_online, changed, one.warnings, one.cuts, one.refusal)
