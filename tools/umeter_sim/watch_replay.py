"""The station's rules over a recording, hour by hour, as its engine would ask them."""

from dataclasses import dataclass, replace

import numpy as np

from umeter_sim.watch_site import LIMIT_W, START_S, STEP_S, Recording
from umeter_station.watch import looks, states
from umeter_station.watch.catalog import BY_ID, FAST, HOUR, SLOW, SPOILS_SUMS
from umeter_station.watch.limits import Thresholds
from umeter_station.watch.states import Mark
from umeter_station.watch.window import Event, Intervals, Traffic, Window

# The inlet may draw what all channels do.
_LIMITS = Thresholds({(1, "max_w"): 60_000})
_HOUR_S = 3600
_DAY_S = 86_400
_BEFORE = 9  # readings before the new ones: 45 minutes
_PROFILE_HOURS_S = 4 * _HOUR_S
_PROFILE_S = 28 * _DAY_S
_MOST_S = 90 * _DAY_S
_SLOW_HOURS = 6
_SEEN_BY_PEOPLE_S = 12 * _HOUR_S
_AFTER_S = 7  # the run is a little after the full hour


@dataclass
class Found:
    """A finding: `told_s` is when it was open and nothing explained it, None if never."""

    rule: str
    ch: int
    since_s: int
    opened_s: int
    told_s: int | None = None
    closed_s: int | None = None


class Replay:
    """One meter's findings over time."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._received_s = recording.readings.received_s
        self._event_s = np.array([e.at_s for e in recording.events], np.int64)
        self._messages = np.concatenate(([0], recording.messages.cumsum()))
        self._repeated = np.concatenate(([0], recording.repeated.cumsum()))
        self.found: list[Found] = []
        self._open: dict[tuple[str, int], Found] = {}
        self._marks: dict[tuple[str, int], Mark] = {}

    def run(self) -> list[Found]:
        hours = len(self._recording.board.heard) * STEP_S // _HOUR_S
        for hour in range(1, hours):
            now_s = START_S + hour * _HOUR_S + _AFTER_S
            self._judge(self._fast(now_s), FAST)
            self._judge(self._with_profile(now_s, _HOUR_S, _PROFILE_HOURS_S), HOUR)
            if hour % _SLOW_HOURS == 0:
                self._judge(self._slow(now_s), SLOW)
            self._explain(now_s)
        return self.found

    def _window(self, now_s: int, since_s: int, **more) -> Window:
        last = int(np.searchsorted(self._received_s, now_s, side="right"))
        board = self._recording.board
        step = (now_s - START_S) // STEP_S
        return Window(
            meter=board.name,
            now_s=now_s,
            since_s=since_s,
            seen_s=int(self._received_s[last - 1]) if last else 0,
            report_s=STEP_S,
            inlet_ch=1,
            limit_w=(60_000, *(LIMIT_W,) * 7),
            limits=_LIMITS,
            orders=tuple(order for first, end, order in board.orders if first <= step < end),
            differences=tuple(d for first, end, d in board.differences if first <= step < end),
            money=tuple(m for first, end, m in board.money if first <= step < end),
            open_since={key: found.since_s for key, found in self._open.items()},
            **more,
        )

    def _fast(self, now_s: int) -> Window:
        since_s = now_s - _HOUR_S
        first, last = np.searchsorted(self._received_s, (since_s, now_s), side="right")
        step = (now_s - START_S) // STEP_S
        then = max(0, step - 12)
        traffic = Traffic(
            (step - then) * STEP_S,
            int(self._messages[step] - self._messages[then]),
            int(self._repeated[step] - self._repeated[then]),
        )
        return self._window(
            now_s,
            since_s,
            readings=self._recording.readings.rows(slice(max(0, first - _BEFORE), last)),
            events=self._events(now_s),
            traffic=traffic,
        )

    def _events(self, now_s: int) -> tuple[Event, ...]:
        first, last = np.searchsorted(self._event_s, (now_s - _DAY_S, now_s), side="right")
        return self._recording.events[first:last]

    def _profile(self, from_s: int, now_s: int) -> Intervals:
        profile = self._recording.intervals
        first, last = np.searchsorted(profile.t_end, (from_s, now_s), side="right")
        return profile.rows(slice(first, last))

    def _with_profile(self, now_s: int, pace_s: int, length_s: int) -> Window:
        return self._window(
            now_s,
            now_s - pace_s,
            intervals=self._profile(now_s - length_s, now_s),
            events=self._events(now_s),
        )

    def _slow(self, now_s: int) -> Window:
        window = self._with_profile(now_s, _SLOW_HOURS * _HOUR_S, _MOST_S)
        begun_s = min(
            (f.since_s for f in self._open.values() if f.rule in ("A03", "A04")), default=now_s
        )
        spoiled = tuple(
            (found.since_s, found.closed_s or now_s)
            for found in self.found
            if found.rule in SPOILS_SUMS
        )
        day_s = now_s - _DAY_S
        rows = self._recording.readings
        at = [int(np.searchsorted(self._received_s, s, side="right")) for s in (day_s, now_s)]
        anchors = [*range(max(0, at[0] - 1), at[0] + 5), *range(max(0, at[1] - 6), at[1])]
        anchors = [place for place in dict.fromkeys(anchors) if place < at[1]]
        profile = window.intervals.rows(window.intervals.t_end > min(now_s, begun_s) - _PROFILE_S)
        return replace(
            window,
            intervals=profile,
            spoiled=spoiled,
            anchors=rows.rows(np.array(sorted(anchors), np.int64)),
            readings=rows.rows(slice(max(0, at[1] - 1), at[1])),
        )

    def _judge(self, window: Window, pace: str) -> None:
        for rule, seen in looks.look(window, pace):
            by_channel = {sighting.ch: sighting for sighting in seen}
            known = {ch for r, ch in self._marks if r == rule.id}
            for ch in known | set(by_channel):
                key = rule.id, ch
                sighting = by_channel.get(ch)
                mark, act = states.step(
                    rule,
                    self._marks.get(key, Mark()),
                    key in self._open,
                    sighting and sighting.since_s,
                    window.now_s,
                )
                self._marks[key] = mark
                if act == states.OPEN:
                    found = Found(rule.id, ch, mark.since_s, window.now_s)
                    self.found.append(found)
                    self._open[key] = found
                elif act == states.CLOSE:
                    stays_s = _SEEN_BY_PEOPLE_S if rule.stays else 0
                    if window.now_s - self._open[key].opened_s >= stays_s:
                        self._open.pop(key).closed_s = window.now_s
                        del self._marks[key]
                elif mark.is_blank and key not in self._open:
                    del self._marks[key]

    def _explain(self, now_s: int) -> None:
        for (rule, ch), found in self._open.items():
            if found.told_s is None and not any(
                states.explains(BY_ID[cause], cause_ch, BY_ID[rule], ch)
                for cause, cause_ch in self._open
            ):
                found.told_s = now_s
