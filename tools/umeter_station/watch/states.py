"""When a rule's verdicts make a finding, and when they end one. Pure."""

from dataclasses import dataclass, replace

from umeter_station.watch.catalog import Rule

OPEN, CLOSE = "open", "close"
_MOST_CALM = 1_000_000


@dataclass(frozen=True)
class Mark:
    """Of one rule and channel: `bits` are its last verdicts, the newest in bit 0; `calm` how many
    in a row saw nothing; `since_s` when what it saw began, `seen_at` when it saw it last."""

    bits: int = 0
    calm: int = 0
    since_s: int = 0
    seen_at: int = 0

    @property
    def is_blank(self) -> bool:
        return self.bits == 0


def step(
    rule: Rule, mark: Mark, is_open: bool, seen_since_s: int | None, now_s: int
) -> tuple[Mark, str | None]:
    """One more verdict: `seen_since_s` is None if the rule saw nothing. Returns the mark and what
    has to be done: OPEN, CLOSE or nothing."""
    seen = seen_since_s is not None
    bits = (mark.bits << 1 | seen) & ((1 << rule.n) - 1)
    if seen:
        # Part of the same trouble as before, if that is not over yet.
        since_s = min(mark.since_s, seen_since_s) if mark.bits or is_open else seen_since_s
        mark = Mark(bits, 0, since_s or seen_since_s, now_s)
    else:
        mark = replace(mark, bits=bits, calm=min(mark.calm + 1, _MOST_CALM))
    if not is_open:
        return mark, OPEN if seen and bits.bit_count() >= rule.k else None
    over = mark.calm >= rule.calm_n and now_s - mark.seen_at >= rule.calm_s
    return mark, CLOSE if over else None


def explains(cause: Rule, cause_ch: int, rule: Rule, ch: int) -> bool:
    """Would the one finding come about by the other?"""
    if cause.id not in rule.causes:
        return False
    return cause_ch in (0, ch) or rule.elsewhere or ch == 0
