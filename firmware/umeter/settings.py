"""The settings document: what the station may change on a meter. The rules are in settings_check.

A change is judged as a whole before any of it is applied.
"""

import json

from umeter.core.transient import forget

DEFAULTS = {
    "price_u_per_kwh": 200_000,
    "low_credit_u": 1_000_000,
    "disable_at_u": 0,
    "report_s": 60,
    "commit_wh": 3,
    "fault_s": 60,
    "stagger_ms": 500,
    "dwell_ms": 3000,
    "profile_min": 15,
}


class Settings:
    """channels: how many the board has. `version` is the station's number of the document last
    applied, 0 at first.

    "ch.3.price_u_per_kwh" sets the price of channel 3 alone, whatever the price of all is.
    """

    def __init__(self, channels=8):
        self._channels = channels
        self.replace({}, 0)

    def get(self, key, index=None):
        """Value of a setting; with a channel's index (0 ..) that channel's own value, if it has
        one.
        """
        own = None
        if index is not None:
            own = self.changed.get("ch.%d.%s" % (index + 1, key))
        return self.changed.get(key, DEFAULTS[key]) if own is None else own

    def check(self, changes):
        """Judge {key: value}. Returns ({key: value} to apply, {key: sentence} refused)."""
        from umeter import settings_check

        try:
            return settings_check.check(changes, self._channels)
        finally:
            forget(settings_check)

    def apply(self, accepted, version):
        """Take over what `check` accepted."""
        changed = dict(self.changed)
        changed.update(accepted)
        self.replace(changed, version)

    def replace(self, changed, version):
        """Become this document: what differs from the defaults, and the version."""
        self.changed = changed
        self.version = version

    def to_dict(self):
        """All settings by key, channels' own values and the version."""
        document = dict(DEFAULTS)
        document.update(self.changed)
        document["version"] = self.version
        return document

    def to_json(self):
        """The document for the journal: what was changed, and the version."""
        return json.dumps({"version": self.version, "set": self.changed}).encode()

    def from_json(self, text):
        """Become the document that `to_json` wrote. What this firmware does not know or allow is
        left at its default.
        """
        document = json.loads(text)
        self.replace(self.check(document["set"])[0], document["version"])
