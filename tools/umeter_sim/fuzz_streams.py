"""Fuzzing what a broker sends: the bytes of its answers, and of what it sends by itself, mutated.

Nothing of that may change the meter, keep it from its turn, or end more than a session. What is
signed in the streams are orders that were carried out before.
"""

from umeter_sim.fake_mqtt import packet, publish
from umeter_sim.link_rig import DOWN, LinkRig
from umeter_sim.lives import lived

_A_RIG = 200  # inputs
_SPENT = 12  # orders that were carried out before
_LONGEST_GAP_MS = 20
_QUIET_MS = 60  # an input that ended nothing so far is through
_STALL_MS = 45_000  # the longest that a session may hang in the middle of a packet
_BACK_MS = 60_000
_LOUD = 3  # failures in a row, after which the pauses become long
_SALE_U = 1000

# Where in a session the bytes come in the place of the broker's own.
_STAGES = ("connack", "suback", "puback", "idle", "idle", "idle")


class Bytes:
    """Hostile bytes without end. tokens: of orders that were carried out before. elsewhere: a new
    order, which only comes on topics that are not the meter's.
    """

    def __init__(self, rng, tokens, elsewhere):
        self._rng = rng
        self._tokens = tokens
        self._elsewhere = elsewhere
        self._makers = [self._mutated] * 6 + [self._hostile] * 3 + [self._noise]

    def next(self):
        return self._rng.choice(self._makers)()

    def _good(self):
        rng = self._rng
        kind = rng.randrange(8)
        if kind == 0:
            return b"\x20\x02" + rng.choice((b"\x00\x00", b"\x01\x00", b"\x00\x05"))
        if kind == 1:
            return b"\x90\x03" + self._pid() + rng.choice((b"\x00", b"\x01", b"\x80"))
        if kind == 2:
            return b"\x40\x02" + self._pid()
        if kind == 3:
            return b"\xd0\x00"
        if kind == 4:
            return publish(self._topic(), self._elsewhere, self._any_pid())
        return publish(DOWN, rng.choice(self._tokens), self._any_pid())

    def _pid(self):
        return self._rng.choice((b"\x00\x01", b"\x00\x02", b"\x00\x03", b"\xff\xff", b"\x00\x00"))

    def _any_pid(self):
        return self._rng.choice((None, 0, 1, 7, 65535))

    def _topic(self):
        rng = self._rng
        near = (b"umeter/m2/down/command", DOWN + b"/x", DOWN[:-1])
        return rng.choice((*near, b"", b"#", b"/" * 200, b"\xff\x00", b"x" * rng.randrange(3000)))

    def _mutated(self):
        """Good packets, with bytes changed, lost, doubled or put in."""
        rng = self._rng
        raw = bytearray(b"".join(self._good() for _ in range(rng.randrange(1, 5))))
        for _ in range(rng.choice((0, 1, 1, 1, 2, 5))):
            at = rng.randrange(len(raw) + 1)
            # Where it hurts most is in the heads.
            at = min(at, rng.choice((4, 4, 12, len(raw))))
            what = rng.randrange(5)
            if what == 0:
                raw[at : at + 1] = rng.randbytes(1)
            elif what == 1:
                del raw[at : at + rng.randrange(1, 5)]
            elif what == 2:
                raw[at:at] = rng.randbytes(rng.randrange(1, 5))
            elif what == 3:
                raw[at:at] = self._good()
            else:
                del raw[at:]
        return bytes(raw)

    def _hostile(self):
        """Lengths that lie, flags that are not allowed, packets that no broker sends."""
        rng = self._rng
        kind = rng.randrange(8)
        if kind == 0:
            return b"\x32" + b"\xff" * rng.randrange(1, 12) + rng.choice((b"", b"\x7f"))
        if kind == 1:  # the topic is longer than the packet
            return b"\x32\x05" + rng.choice((b"\xff\xff", b"\x00\x09")) + rng.randbytes(9)
        if kind == 2:
            size = rng.choice((4097, 5000, 70_000, 268_435_455))
            return packet(0x32, b"")[:1] + _length(size) + b"\x00\x01t\x00\x01" + bytes(300)
        if kind == 3:
            flags = rng.choice((0x31, 0x34, 0x35, 0x36, 0x3A, 0x3D, 0x3F))
            return bytes((flags,)) + publish(DOWN, rng.choice(self._tokens), 5)[1:]
        if kind == 4:
            return packet(rng.randrange(0x100), rng.randbytes(rng.randrange(6)))
        if kind == 5:
            return publish(rng.randbytes(rng.choice((65_535, 4000))), b"", 1)
        if kind == 6:
            return rng.choice((b"\x40\x02\x00\x01", b"\xd0\x00", b"\x20\x02\x00\x00")) * 40
        return publish(DOWN, rng.randbytes(rng.choice((0, 2048, 2049, 4000, 4200))), 3)

    def _noise(self):
        return self._rng.randbytes(self._rng.choice((1, 2, 5, 40, 5000)))


def _length(n):
    """A length as MQTT has it."""
    return packet(0, b"\x00" * n)[1:-n] if n < 100_000 else b"\xff\xff\xff\x7f"


class Life:
    """One meter, its broker, and the bytes that come between them."""

    def __init__(self, rng, faults):
        self._rng = rng
        self._faults = faults
        self._rig = rig = LinkRig(newer=rng.random() < 0.5)
        rig.network.peer = self._on_bytes
        self._pending = None  # (stage, bytes) that wait for their moment
        tokens = [rig.token(n=n, op="credit", ch=1, amount_u=n) for n in range(1, _SPENT + 1)]
        for token in tokens:
            rig.board.commands.handle(token)
        foreign = [token[:-4] + b"AAAA" for token in tokens[:4]]
        elsewhere = rig.token(n=_SPENT + 2, op="credit", ch=3, amount_u=1)
        self._bytes = Bytes(rng, tokens + foreign, elsewhere)
        if not rig.run(_BACK_MS, until=rig.connected):
            raise RuntimeError("no session with a good broker: " + rig.session.last_error)

    def live(self):
        """Some hundred inputs, then a sale, which must come through once."""
        for _ in range(_A_RIG):
            data = self._bytes.next()
            stage = self._rng.choice(_STAGES)
            try:
                sentence = self._input(stage, data)
            except Exception as e:  # what step() must never let through
                sentence = f"{e!r} escaped"
                self._rig.begin_session()
            if sentence:
                self._faults.append(f"{sentence}: {stage} {data[:200]!r}")
        self._sell()
        return _A_RIG

    def _input(self, stage, data):
        """Let the board have it. Returns what is wrong afterwards, or ""."""
        rig = self._rig
        before = rig.board.state()
        rig.worst_gap_ms = 0
        if stage == "idle":
            self._send(rig.broker.wire, data)
        else:
            self._pending = (stage, data)
            if stage == "puback":
                rig.meter.event("hand", 1)
            else:
                rig.broker.wire.arrive(b"")
        through_ms = rig.clock.now_ms + _QUIET_MS
        rig.run(_STALL_MS, until=lambda: rig.clock.now_ms >= through_ms and not self._pending)
        rig.run(_QUIET_MS)
        self._pending = None
        if not rig.run(_BACK_MS, until=lambda: rig.session.connected):
            return f"no session afterwards: {rig.session.last_error}"
        sentence = ""
        if rig.board.state() != before:
            sentence = "the meter has changed"
        if rig.worst_gap_ms > _LONGEST_GAP_MS:
            sentence += f" no turn for {rig.worst_gap_ms} ms"
        if rig.session.failures >= _LOUD:
            rig.begin_session()
            rig.run(_BACK_MS, until=lambda: rig.session.connected)
        return sentence

    def _on_bytes(self, wire, data):
        """What the broker sees of the board; the answer that is awaited is replaced."""
        broker = self._rig.broker
        before = len(wire.arriving)
        broker.on_bytes(wire, data)
        if self._pending is None:
            return
        kinds = {"connack": 0x10, "suback": 0x82, "puback": 0x33}
        stage, hostile = self._pending
        if data[0] & 0xFE == kinds[stage] & 0xFE:  # retained or not
            own = [wire.arriving.pop()[1] for _ in range(len(wire.arriving) - before)]
            self._pending = None
            if self._rng.random() < 0.3:
                hostile += b"".join(reversed(own))
            self._send(wire, hostile)

    def _send(self, wire, data):
        """In one piece or in several, with or without an end."""
        rng = self._rng
        after_ms = rng.choice((0, 1, 3))
        while data:
            size = len(data) if rng.random() < 0.7 else rng.randrange(1, 9)
            wire.arrive(data[:size], after_ms)
            data = data[size:]
            after_ms += rng.choice((0, 0, 1, 30))
        if rng.random() < 0.5:
            wire.arrive(b"", after_ms)

    def _sell(self):
        rig = self._rig
        rig.begin_session()
        rig.run(_BACK_MS, until=rig.connected)
        account = rig.board.channels[1].account
        before_u = account.credited_total_u
        n = _SPENT + 1
        sale = rig.token(n=n, op="credit", ch=2, amount_u=_SALE_U)

        def answered():
            return any(answer["n"] == n for answer in rig.answers())

        for pid in (1, 1, 2):  # the broker may double it
            rig.broker.wire.arrive(publish(DOWN, sale, pid))
            rig.run(_BACK_MS, until=answered)
        if not answered() or account.credited_total_u - before_u != _SALE_U:
            self._faults.append(f"a sale did not come through once: {rig.session.last_error}")


def streams(count, seed=1, progress=None):
    """Have at least so many streams read: {"inputs", "faults"}, as lived() tells."""
    return lived(Life, count, seed, progress)
