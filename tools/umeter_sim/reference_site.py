"""The site that umeter's figures are told for: eight households, 500 W mean each, with an evening
peak, living by Central European time.
"""

import random
from datetime import UTC, datetime, timedelta

USERS = 8
MEAN_W = 500
# Power over the mean by the hour of the local day, per cent; they average 100.
CURVE = (45, 35, 30, 30, 35, 50, 90, 120, 105, 85, 80, 95)
CURVE += (115, 100, 85, 85, 100, 140, 190, 220, 205, 165, 120, 75)
NOISE_PERCENT = 40
HOUR_S = 3600
DAY_S = 24 * HOUR_S
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


def local_offset_s(when):
    """Seconds that the wall clock is ahead of UTC at `when` (seconds since 2020 UTC): 3600, and
    7200 from the last Sunday of March, 01:00 UTC, to that of October.
    """
    moment = EPOCH + timedelta(seconds=when)
    began, ends = (_last_sunday(moment.year, month) for month in (3, 10))
    return 2 * HOUR_S if began <= moment < ends else HOUR_S


def _last_sunday(year, month):
    last = datetime(year, month, 31, 1, tzinfo=UTC)
    return last - timedelta(days=(last.weekday() + 1) % 7)


class ReferenceLoads:
    """What the users want to draw. Seeded: the same every time."""

    def __init__(self, seed):
        self._random = random.Random(seed)

    def demand_dw(self, hour):
        """For each user 0.1 W in this local hour of the day, anew with every call."""
        mean_dw = MEAN_W * 10 * CURVE[hour] // 100
        spread = mean_dw * NOISE_PERCENT // 100
        return [mean_dw + self._random.randint(-spread, spread) for _ in range(USERS)]


class Meters:
    """The users' PZEM modules as a front end bus: exact energy in, whole Wh out.

    `at_once`: how many answer in one poll, in turn; a bus has one transaction in each tick.
    """

    def __init__(self, samples, units):
        self.samples = samples
        self.units = units  # truth, 0.1 W x ms; outlives the board's power cuts
        self.demand_dw = [0] * len(samples)
        self.power_dw = [0] * len(samples)
        self.at_once = 1
        self._next = 0

    def draw(self, ms, channels):
        """Let the loads behind closed contacts draw."""
        for index, channel in enumerate(channels):
            power_dw = self.demand_dw[index] if channel.contact else 0
            self.power_dw[index] = power_dw
            self.units[index] += power_dw * ms

    def poll(self, dt_ms):
        for _ in range(self.at_once):
            index = self._next
            sample = self.samples[index]
            sample.power_dw = self.power_dw[index]
            sample.count = self.units[index] // sample.units_per_count % sample.modulus
            sample.fresh = (sample.fresh + 1) & 0x3FFFFFFF
            self._next = (index + 1) % len(self.samples)
