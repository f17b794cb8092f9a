"""A meter just large enough for limits and watch: channels, books, settings, events."""

from umeter.core.book import Book
from umeter.core.channel import Channel
from umeter.core.sample import Sample
from umeter.core.settings_table import Document


class Meter:
    """settings: {key: value} as the station sets them. `events` holds (code, ch, a, b)."""

    def __init__(self, channels=1, **settings):
        self.doc = Document(settings)
        self.later = {}
        self.events = []
        self.urgencies = 0
        self.up_s = 0
        self.when = 0
        self.inlet = None
        samples = [Sample(36_000_000, 0, True) for _ in range(channels)]
        self.channels = [Channel(i, sample, 250_000) for i, sample in enumerate(samples)]
        for channel in self.channels:
            channel.claims = 0
            channel.contact = 1

    def set(self, **settings):
        self.doc.changed.update(settings)

    def get(self, key):
        return self.later.get(key)

    def event(self, code, ch=0, a=0, b=0):
        self.events.append((code, ch, a, b))

    def urgent(self):
        self.urgencies += 1

    def book(self, index=0):
        return Book(self, self.channels[index])

    def told(self):
        """The events since the last call."""
        events = list(self.events)
        self.events.clear()
        return events
