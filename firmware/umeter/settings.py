"""The settings document: what the station may change on a meter.

It is kept as the text that lies in the journal, and read when asked for. What settings there are
and their defaults: settings_table. The rules: settings_check.
"""

import json

from umeter.core.transient import run


class Settings:
    """channels: how many the board has. `text` is what the journal keeps, as bytes: JSON of the
    version and of what was changed. `version` is the station's number of the document last
    applied, 0 at first.

    "ch.3.price_u_per_kwh" sets the price of channel 3 alone, whatever the price of all is.
    """

    def __init__(self, channels=8):
        self._channels = channels
        self.replace({}, 0)

    @property
    def changed(self):
        """{key: value} of what differs from the defaults, read from the text each time."""
        return json.loads(self.text)["set"]

    def open(self):
        """The settings_table.Document of now: to be read, and not to be kept."""
        return run("core.settings_table", "Document", self.changed)

    def get(self, key, index=None):
        """One setting, as Document.get() has it. Who needs more than one opens the document."""
        return self.open().get(key, index)

    def check(self, changes):
        """Judge {key: value}. Returns ({key: value} to apply, {key: sentence} refused)."""
        return run("settings_check", "check", changes, self.changed, self._channels)

    def apply(self, accepted, version):
        """Take over what `check` accepted; None takes a setting back to its default."""
        changed = self.changed
        for key in accepted:
            changed[key] = accepted[key]
            if changed[key] is None:
                changed.pop(key)
        self.replace(changed, version)

    def replace(self, changed, version):
        """Become this document: what differs from the defaults, and the version."""
        self.version = version
        document = {"version": version, "set": changed}
        self.text = json.dumps(document, separators=(",", ":")).encode()

    def to_dict(self):
        """All settings by key, channels' own values and the version."""
        document = self.open().to_dict()
        document["version"] = self.version
        return document

    def to_json(self):
        """The document for the journal."""
        return self.text

    def from_json(self, text):
        """Become the document that `to_json` wrote. What this firmware does not know or allow is
        left at its default.
        """
        document = json.loads(text)
        self.replace({}, document["version"])
        accepted, refused = self.check(document["set"])
        if refused:
            self.apply(accepted, self.version)
        else:
            self.text = text
