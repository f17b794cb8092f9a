"""The settings there are. Only here while it is needed: words take room in the heap."""

import json

from micropython import const

# A line: the kind of value, whose language settings_check tells, after a / if all channels share
# it; the settings that are so; their default as JSON. The order of the settings is their number in
# audit logs: only ever add lines at the end.
_TABLE = const("""
99999999 price_u_per_kwh 200000
-$..$ low_credit_u 1000000
-$..$ disable_at_u emergency_at_u 0
-$..$ low_credit_2_u pretrip_u reclose_at_u null
$ hysteresis_u emergency_u allowance_u debt3_cap_u budget_u max_topup_u max_balance_u 0
99990000 debt1_weekly_u debt2_weekly_u 0
100 debt3_percent 0
always|credit debt1_take debt2_take "always"
day|week|month allowance_every "month"
auto|armed reclose "auto"
money|kwh unit "money"
{prices} tariff next_tariff null
[0..16][days,from,to]#;0000..2359;>0000..2400 friendly []
[0..8]![days,from,to,limit_w]#;0000..2359;>0000..2400;25000 slots []
1 protected 0
25000 limit_w 0
1..3600 limit_guard_s 30
trip|alarm limit_action banned_action "trip"
10..86400 limit_restore_s banned_restore_s 300
20 limit_tries banned_tries 3
[0..6][from_w,to_w]25000;>25000 banned []
500..1000 banned_pf 980
[0..8][w,tolerance_w]25000;25000 banned_allow []
[0..6]weld|stuck|reverse|unmetered|cover|frozen lock_on []
/~ tz "UTC0"
/[0..7]>1..7 weekend [6,7]
/[0..24](YYYY)MMDD special_days []
/5..86400 report_s 60
/1..4 commit_wh 3
/10..3600 fault_s 60
/100..10000 stagger_ms 500
/600000 dwell_ms 3000
/|60 profile_min 15
/N inlet_ch 0
/25000 unmetered_w 50
/100 unmetered_percent 5
""")


def row(key):
    """[kind, the settings that are so .., default as JSON] of a setting; None if there is none."""
    at = _TABLE.find(" %s " % key)
    line = _TABLE[_TABLE.rfind("\n", 0, at) + 1 : _TABLE.find("\n", at)].split(" ")
    return line if key in line[1:-1] else None


def keys():
    """Names of all settings, in the table's order."""
    names = []
    for line in _TABLE.split("\n"):
        names += line.split(" ")[1:-1]
    return names


class Document:
    """One reading of the settings. `changed`: {key: value} of what differs from the defaults."""

    def __init__(self, changed):
        self.changed = changed
        self._defaults = {}  # those that were asked for so far

    def own(self, key, index):
        """What the channel of this index has of its own; None if it has the site's."""
        return self.changed.get("ch.%d.%s" % (index + 1, key))

    def get(self, key, index=None):
        """Value of a setting; with a channel's index (0 ..) that channel's own value, if it has
        one, else the site's, else the default.
        """
        value = None if index is None else self.own(key, index)
        if value is None:
            value = self.changed.get(key)
        if value is None:
            value = self._defaults.get(key)
            if value is None:  # a null among them is read each time
                value = self._defaults[key] = json.loads(row(key)[-1])
        return value

    def to_dict(self):
        """All settings by key, and the channels' own values."""
        document = {}
        for key in keys():
            document[key] = self.get(key)
        document.update(self.changed)
        return document
