"""Who comes when in a rollout: the canaries first, then the rest in waves. Pure."""

import re
from collections import deque
from dataclasses import dataclass

from umeter_station.errors import StationError

_AMOUNT = re.compile(r"([0-9]{1,7})(%?)", re.ASCII)


def amount(text: str, of: int) -> int:
    """How many of so many; a percentage is rounded up."""
    found = _AMOUNT.fullmatch(text.strip())
    if not found or (found[2] and int(found[1]) > 100):
        raise StationError(f"{text!r} is no number of meters; write 5 or 10%.")
    number = int(found[1])
    return min(of, -(-of * number // 100) if found[2] else number)


@dataclass(frozen=True)
class Pace:
    """`canary` and `wave`: how many meters, as 5 or 10%. The next wave comes when the one before
    has answered and has been well for so long: `healthy_s` after the canaries, `wave_pause_s`
    after the others. Who has not answered `answer_s` after its order has failed; with more than
    `failed_permille` of those that were ordered, the rollout stops. Meters that are away are
    waited for, for `give_up_s`."""

    canary: str = "1"
    wave: str = "25%"
    healthy_s: int = 600
    wave_pause_s: int = 60
    answer_s: int = 300
    failed_permille: int = 50
    give_up_s: int = 7 * 86_400

    def __post_init__(self) -> None:
        amount(self.canary, 100)
        if amount(self.wave, 100) == 0:
            raise StationError("A wave has at least one meter.")
        if not 0 <= self.failed_permille <= 1_000:
            raise StationError("The share that may fail is 0 to 1000 per mille.")
        times = (self.healthy_s, self.wave_pause_s, self.give_up_s)
        if min(times) < 0 or self.answer_s < 1 or max(*times, self.answer_s) > 90 * 86_400:
            raise StationError("The times of a rollout are between 0 seconds and 90 days.")


# Back from what did not do well: at once, and whatever some answer.
BACK = Pace(canary="0", wave="100%", healthy_s=0, wave_pause_s=0, failed_permille=1_000)
# A release travels for a while, and is on trial for ten minutes.
UPDATES = Pace(canary="1", wave="10%", healthy_s=3_600, wave_pause_s=600, answer_s=14_400)


@dataclass(frozen=True)
class Candidate:
    """`kind`: what meters are alike by, as their board and version."""

    meter: str
    online: bool
    kind: str


def assign(candidates: list[Candidate], pace: Pace) -> dict[str, int]:
    """{meter: wave}; wave 0 are the canaries, none of which is away as long as there are others.

    They are taken in turn of every kind there is, and the waves then go by name, those that are
    away last.
    """
    kinds: dict[tuple[bool, str], deque[str]] = {}
    for one in sorted(candidates, key=lambda c: (not c.online, c.meter)):
        kinds.setdefault((not one.online, one.kind), deque()).append(one.meter)
    found: dict[str, int] = {}
    wanted = amount(pace.canary, len(candidates))
    for away in (False, True):
        queues = [queue for (off, _), queue in sorted(kinds.items()) if off == away]
        while len(found) < wanted and any(queues):
            for queue in queues:
                if queue and len(found) < wanted:
                    found[queue.popleft()] = 0
    rest = [c for c in candidates if c.meter not in found]
    rest.sort(key=lambda c: (not c.online, c.meter))
    size = max(1, amount(pace.wave, len(candidates)))
    return found | {one.meter: 1 + at // size for at, one in enumerate(rest)}
