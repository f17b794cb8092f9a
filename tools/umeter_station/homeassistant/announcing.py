"""What has to be published so that Home Assistant sees every channel as it is, and no other.

The database keeps which devices were announced, so that those of meters that are gone can be
taken away: the broker keeps a retained message for good. States are compared with what this
process has published; they are all published once after its start.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import meters as known_meters
from umeter_station import readings
from umeter_station.db import Database
from umeter_station.fleet.twins import in_force
from umeter_station.homeassistant import payload
from umeter_station.homeassistant.payload import Channel
from umeter_station.meters import MAX_CHANNELS, Meter
from umeter_station.models_fleet import homeassistant_topics
from umeter_station.sql import insert

# (topic, payload) of a retained message; False if it could not be handed over.
Publish = Callable[[str, bytes], bool]
_AGO_S = 60  # A reading of a batch may be committed that much after it was received.
_GONE = b""  # Nothing is retained any more.


@dataclass(frozen=True)
class Options:
    """`currency`: ISO code of the unit of money; `disconnect`: whether Home Assistant may ask for
    it; `station`: this software's version."""

    enabled: bool
    prefix: str = "homeassistant"
    currency: str = "EUR"
    disconnect: bool = False
    station: str = ""


class Announcer:
    """`most`: how many messages a step hands over; what is left comes with the next."""

    def __init__(self, db: Database, options: Options, publish: Publish, most: int = 500) -> None:
        self._db = db
        self._options = options
        self._publish = publish
        self._most = most
        self._published: dict[str, bytes] = {}
        self._since_s = 0
        self._announce_all = True

    def forget(self) -> None:
        """The broker or Home Assistant may have: publish it all once more."""
        self._published.clear()
        self._since_s = 0
        self._announce_all = True

    def state_again(self, meter: str, ch: int) -> None:
        """Its state is told once more, to whom has shown it as what it is not."""
        self._published.pop(Channel(meter, ch).state_topic, None)
        self._since_s = 0

    def step(self, now_s: int) -> int:
        """Publish what is new; returns how many messages."""
        left = self._most
        with self._db.read() as conn:
            known = {one.meter: one for one in known_meters.all_meters(conn)}
            announced = _announced(conn)
        wanted = self._wanted(known)
        for topic, (meter, ch, _) in announced.items():
            if topic not in wanted and left > 0:
                left -= self._take_away(topic, Channel(meter, ch))
        left -= self._announce(wanted, announced, left, now_s)
        left -= self._tell(known, left, now_s)
        return self._most - left

    def _wanted(self, known: dict[str, Meter]) -> dict[str, tuple[Channel, bytes]]:
        """{topic: (channel, payload)}"""
        found = {}
        for one in known.values() if self._options.enabled else ():
            for channel in _channels(one):
                topic = payload.config_topic(self._options.prefix, channel)
                found[topic] = (
                    channel,
                    payload.config(
                        channel,
                        self._options.currency,
                        self._options.station,
                        self._options.disconnect,
                    ),
                )
        return found

    def _take_away(self, topic: str, channel: Channel) -> int:
        """The device, the last state, and that its meter was there."""
        gone = (topic, channel.state_topic, payload.meter_topic(channel.meter))
        if not all(self._publish(one, _GONE) for one in gone):
            return 0
        for one in gone:
            self._published.pop(one, None)
        with self._db.write() as conn:
            conn.execute(
                sa.delete(homeassistant_topics).where(homeassistant_topics.c.topic == topic)
            )
        return len(gone)

    def _announce(
        self,
        wanted: dict[str, tuple[Channel, bytes]],
        announced: dict[str, tuple[str, int, str]],
        most: int,
        now_s: int,
    ) -> int:
        published = []
        for topic, (channel, document) in wanted.items():
            digest = hashlib.sha256(document).hexdigest()
            known = topic in announced and announced[topic][2] == digest
            if known and (not self._announce_all or self._published.get(topic) == document):
                continue
            if len(published) == most or not self._publish(topic, document):
                break
            self._published[topic] = document
            published.append((topic, channel, digest))
        else:
            self._announce_all = False
        if published:
            with self._db.write() as conn:
                for topic, channel, digest in published:
                    _keep(conn, topic, channel, digest, now_s)
        return len(published)

    def _tell(self, known: dict[str, Meter], most: int, now_s: int) -> int:
        """Presences, and the states of meters that were heard of since the last time."""
        if not self._options.enabled:
            return 0
        told = 0
        messages: list[tuple[str, bytes]] = []
        with self._db.read() as conn:
            for one in known.values():
                if one.retired_at is not None or not one.channels:
                    continue
                there = payload.ONLINE if one.presence == "online" else payload.OFFLINE
                messages.append((payload.meter_topic(one.meter), there.encode()))
                if one.seen_at >= self._since_s:
                    messages += _states(conn, one.meter)
        for topic, document in messages:
            if self._published.get(topic) == document:
                continue
            if told >= most or not self._publish(topic, document):
                return told  # `_since_s` stays: the rest comes with the next step.
            self._published[topic] = document
            told += 1
        self._since_s = now_s - _AGO_S
        return told


def _channels(known: Meter) -> list[Channel]:
    if known.retired_at is not None:
        return []
    status, settings = json.loads(known.status), json.loads(known.settings)
    return [
        Channel(
            meter=known.meter,
            ch=ch,
            unit=str(in_force(settings, "unit", ch)),
            board=str(status.get("board") or ""),
            version=str(status.get("version") or ""),
        )
        for ch in range(1, min(known.channels, MAX_CHANNELS) + 1)
    ]


def _states(conn: Connection, meter: str) -> list[tuple[str, bytes]]:
    reading = readings.latest(conn, meter)
    if reading is None:
        return []
    return [
        (Channel(meter, row["ch"]).state_topic, payload.state(row, reading.received_at))
        for row in reading.channels
    ]


def _announced(conn: Connection) -> dict[str, tuple[str, int, str]]:
    h = homeassistant_topics.c
    rows = conn.execute(sa.select(h.topic, h.meter, h.ch, h.digest).order_by(h.topic))
    return {topic: (meter, ch, digest) for topic, meter, ch, digest in rows}


def _keep(conn: Connection, topic: str, channel: Channel, digest: str, now_s: int) -> None:
    row = {"topic": topic, "digest": digest, "published_at": now_s}
    conn.execute(
        insert(conn, homeassistant_topics)
        .values(meter=channel.meter, ch=channel.ch, **row)
        .on_conflict_do_update(index_elements=["meter", "ch"], set_=row)
    )
