"""The session: one MQTT connection after another, around umqtt.simple.

umqtt.simple leaves to its user what is done here: a new client for every connection (its packet id
never wraps), the end of the session at any exception (after one, its place in the stream is
unknown), pings and the detection of silence, and that all it is given is bytes. Every wait happens
inside the patient socket.
"""

from micropython import const

from umeter.core.transient import run

_KEEPALIVE_S = const(60)
_PING_MS = const(15_000)  # a quarter of the keep-alive time
_DEAD_MS = const(37_500)  # a ping interval, and one and a half without an answer
_STABLE_MS = const(60_000)  # a session that held so long was a good one
_BOUNCE = const(6)  # failures in a row, some two minutes, after which the radio starts anew
_RETRY_MS = const(1_000)
_LONGEST_RETRY_MS = const(300_000)
_INBOX = const(8)
_LONGEST_COMMAND = const(2048)
_LAST_PID = const(65_000)
_PUBLISH = const(0x30)


class Session:
    """Made after meter.restore(), so nothing is published before it.

    umqtt: the module umqtt.simple (its `socket` is replaced by this one). socket: a
    PatientSocket. site: site.json, of which "meter", "brokers" and what tls.py and ntp.py want
    are read. meter, commands, clock: the meter's. wifi: is_up(), bounce(). randrange(n): 0..n-1.
    about: what reports.status() tells of the program; "tls" and "time" are set here.
    """

    def __init__(self, umqtt, socket, site, meter, commands, clock, wifi, randrange, about):
        umqtt.socket = socket
        self._umqtt = umqtt
        self.socket = socket
        self._site = site
        self._meter = meter
        self._commands = commands
        self._clock = clock
        self._wifi = wifi
        self._randrange = randrange
        self.about = about
        commands.session = self  # an order asks about the link
        topic = "umeter/" + site["meter"]
        self._up = (topic + "/up/").encode()
        self._down = (topic + "/down/command").encode()
        self._client = None
        self._inbox = []
        self.result = None  # answered, but the broker has not said that it has it
        self._told_clock = self._told_version = None
        self._began_ms = self._ping_ms = self._ended_ms = clock.ticks_ms()
        self._pause_ms = 0
        self._clean = False  # is the next session to be a new one?
        self.connected = False
        self.broker = 0  # of the site's brokers, the one in use
        self.failures = 0  # in a row
        self.sessions = 0  # begun since boot
        self.discards = 0  # messages on other topics, or more than the inbox holds
        self.oversize = 0  # messages too long for a command, packets too long for anything
        self.last_error = ""

    def step(self):
        """One turn: at most one exchange with the broker. Returns True if there may be more to do.

        Never raises an Exception: whatever goes wrong here ends the session, not the meter.
        """
        try:
            if self.connected:
                return self._serve()
            now_ms = self._clock.ticks_ms()
            if not self._wifi.is_up():
                self._ended_ms = now_ms  # kept near now: ticks wrap
            elif self._clock.ticks_diff(now_ms, self._ended_ms) >= self._pause_ms:
                self._connect()
        except Exception as e:
            self._drop(e)
        return False

    def _drop(self, error):
        """End the session. The next begins after a pause that doubles, with jitter, and with the
        next broker if this one was no good.
        """
        self.connected = False
        self._client = None
        self.socket.close()
        if self.socket.too_long:
            self.socket.too_long = False
            self._clean = True
            self.oversize += 1
        self.last_error = repr(error)
        half_ms = min(_LONGEST_RETRY_MS, _RETRY_MS << min(self.failures, 9)) // 2
        if self.failures:  # a good session is first resumed where it was
            self.broker = (self.broker + 1) % len(self._site["brokers"])
            if self.failures % _BOUNCE == 0:
                self._wifi.bounce()
                self.about["time"] = ""  # who answered for NTP may have lied
        self.failures += 1
        self._pause_ms = half_ms + self._randrange(half_ms)
        self._ended_ms = self._clock.ticks_ms()

    def _connect(self):
        site = self._site
        socket = self.socket
        broker = site["brokers"][self.broker]
        user = broker["user"]
        self.about["tls"] = broker["tls"]
        socket.wrap = None
        if broker["tls"]:
            self._lend_time()
            socket.wrap = lambda raw: run("net.tls", "wrap", raw, site, broker["name"])
        client = self._umqtt.MQTTClient(
            site["meter"].encode(),
            broker["host"],
            broker["port"],
            user.encode() if user else None,
            (broker["password"] or "").encode(),
            _KEEPALIVE_S,
        )
        client.set_callback(self._received)
        client.set_last_will(self._up + b"status", self._report("will"), True, 1)
        self._client = client
        socket.begin()
        # What was too long the broker would send again and again: it is to forget this session.
        client.connect(self._clean)
        self._clean = False
        self._began_ms = self._ping_ms = self._clock.ticks_ms()
        self.connected = True
        self.sessions += 1
        self._told_clock = self._told_version = None
        self._meter.reading_due = True
        client.subscribe(self._down, 1)
        socket.flush()

    def _lend_time(self):
        """Certificates have dates, and are judged by the RTC: it must have a time to go by."""
        about = self.about
        if self._clock.when:
            about["time"] = "station"
        elif about["time"] != "ntp":
            self.socket.begin()
            about["time"] = run(
                "net.ntp",
                "lend",
                self.socket,
                self._clock,
                self._site,
                self._meter.last_when,
                self.failures,
                self._randrange,
            )

    def _received(self, topic, message):
        """Called inside umqtt.simple, in the middle of an exchange: only put it by."""
        if len(message) > _LONGEST_COMMAND:
            self.oversize += 1
        elif topic == self._down and len(self._inbox) < _INBOX:
            self._inbox.append(message)
        else:
            self.discards += 1

    def _report(self, what, *args):
        """What the meter tells, as reports.py has it: imported for the moment."""
        return run("net.reports", "report", what, self._meter, *args)

    def _publish(self, kind, report, retain=False, qos=1):
        """Publish bytes. With QoS 1 the broker has them when this returns."""
        if self._client.pid > _LAST_PID:
            self._client.pid = 0
        self.socket.begin()
        self._client.publish(self._up + kind, report, retain, qos)
        self.socket.flush()

    def _serve(self):
        """The most urgent of what there is to do, and no more. False if there was nothing."""
        self._watch()
        meter = self._meter
        if self._told_clock != (self._clock.when != 0):
            told_clock = self._clock.when != 0
            self._publish(b"status", self._report("status", self._clock, self.about), True)
            self._told_clock = told_clock
        elif self._told_version != meter.settings.version:
            told_version = meter.settings.version
            self._publish(b"settings", self._report("settings"), True)
            self._told_version = told_version
        elif self.result is not None:
            self._publish(b"result", self.result)
            self.result = None
        elif self._inbox and self._commands.ready(self._clock.ticks_ms()):
            self.result = self._commands.handle(self._inbox.pop(0))
        elif self.socket.readable():
            self._receive()
        elif meter.reading_due:
            meter.settle()
            meter.reading_due = False
            self._publish(b"reading", self._report("reading", self._clock), False, 0)
        else:
            entry = meter.events.peek()
            if entry is None:
                return False
            self._publish(b"event", self._report("event", entry))
            meter.events.pop(entry[0])  # by number: a full ring may have dropped it meanwhile
        return True

    def _receive(self):
        self.socket.begin()
        op = self._client.check_msg()
        self.socket.flush()  # the PUBACK
        if op is not None and op & 0xF0 != _PUBLISH:
            # An acknowledgement nobody waits for: umqtt.simple has left its body in the stream.
            raise OSError("packet %d out of place" % op)

    def _watch(self):
        """Pings, and the end of a session in which the broker is silent."""
        clock = self._clock
        now_ms = clock.ticks_ms()
        if clock.ticks_diff(now_ms, self.socket.last_rx_ms) >= _DEAD_MS:
            raise OSError("broker is silent")
        if self.failures and clock.ticks_diff(now_ms, self._began_ms) >= _STABLE_MS:
            self.failures = 0
        if clock.ticks_diff(now_ms, self._ping_ms) >= _PING_MS:
            self._ping_ms = now_ms
            self.socket.begin()
            self._client.ping()
            self.socket.flush()
