"""The local hand: the shared buttons, and what tells the consumers how they stand: LED, buzzer and
display.

board.json: {"hand": {"select": gpio, "act": gpio, "maintenance": gpio, "buzzer": {..},
"display": {..}}}, each of them optional, and the board's own "led". `maintenance` may be the same
button as `select`, the BOOT button of most boards.

What is known of an account lies in the journal: modules that read it are imported for the moment
and forgotten. Between these moments a poll allocates nothing.
"""

import machine
from micropython import const

from umeter.core.transient import run

_SELECT = const(1)  # what a button is for
_ACT = const(2)
_MAINTENANCE = const(4)
_SERVICE_MINUTES = const(30)

_DOWN = const(1)  # what a hand does to it
_SHORT = const(2)
_LONG = const(3)
_KEPT = const(4)
_LONG_MS = const(3000)
_KEPT_MS = const(5000)
_STALL_MS = const(200)  # a late poll must not make a tap long

# A bit is a tenth of a second, the lowest comes first; after 24 of them it begins again.
_STEP_MS = const(100)
_ROUND_MS = const(2400)
_ALL_WELL = const(0x000001)  # a short flash
_OF_LEVEL = (_ALL_WELL, 0x000033, 0x000333, 0x000333, 0x000FFF)  # two, three; half of the time
_OFFLINE = const(0xFFFFFE)  # on but for a short gap
_FAULTY = const(0x000155)  # five quick ones
_SERVICE = const(0xFFFFFF)  # on: nobody polls for as long as that lasts
_SELECTED = const(0x249249)  # the number of the user, in short flashes

_PAGE_MS = const(5000)
_YOUNG_MS = const(1000)
_SELECTED_MS = const(30_000)
_LOOK_MS = const(60_000)
_SOON_MS = const(1000)
_SOUND_MS = const(4800)  # two rounds
_HOUR_MS = const(3_600_000)
_FAULTS = const(192)  # TAMPER | FAULT, claims
START = const(-1)  # in place of a user's index: the screen before the first
SERVICE = const(-2)


def make(doc, port):
    """The hand of board.json. A display shows the start screen when this returns, which takes
    0.2 s at 100 kHz.
    """
    given = doc["hand"]
    display = None
    if "display" in given:
        from umeter.hal.hand_display import Display

        display = Display(port(given["display"]["bus"]), given["display"].get("address", 0x3C))
    hand = Hand(doc, display)
    if display:
        hand.show(0)
        while display.is_there and display.dirty:
            display.poll(0)
    return hand


def _lamp(wired):
    """What switches an output that is on at the level `active`."""
    level = 1 if wired["active"] == "high" else 0
    pin = machine.Pin(wired["pin"], machine.Pin.OUT, value=1 - level)
    return lambda on: pin.value(level if on else 1 - level)


def _tone(wired):
    """The same of a buzzer without a sound of its own."""
    pwm = machine.PWM(machine.Pin(wired["pin"]), freq=wired["tone_hz"], duty_u16=0)
    return lambda on: pwm.duty_u16(0x8000 if on else 0)


class _Button:
    """A pin that a button connects to ground. A level counts once two polls have seen it."""

    def __init__(self, pin):
        self.pin = pin
        self.role = 0
        self._seen = False
        self._held_ms = _KEPT_MS  # stuck since before the start: no hand

    def look(self, dt_ms):
        """What has just happened: 0 nothing, _DOWN, then _SHORT as it is let go, or _LONG and
        _KEPT while it is held.
        """
        on = not self.pin.value()
        if on != self._seen:
            self._seen = on
            return 0
        before = self._held_ms
        if not on:
            self._held_ms = 0
            return _SHORT if 0 < before < _LONG_MS else 0
        if before >= _KEPT_MS:
            return 0
        self._held_ms = before + min(dt_ms, _STALL_MS)
        if not before:
            return _DOWN
        if before < _LONG_MS <= self._held_ms:
            return _LONG
        return _KEPT if self._held_ms >= _KEPT_MS else 0


class Hand:
    """doc: of board.json. display: hand_display's, None without one.

    One of what the meter polls; `meter` is to be set before. `session`, whose `connected` is
    looked at, may be set later or never. `maintenance` becomes True when its button was held for
    five seconds, and the meter's is asked for; it is shown, whoever sets it.

    selected: index of the user whom the buttons are for, -1 nobody. shown: whose screen it is, or
    START, SERVICE; the number of users: the network's. levels: of the books, by user.
    """

    def __init__(self, doc, display):
        given = doc["hand"]
        channels = doc["channels"]
        self.meter = None
        self.session = None
        self.maintenance = False
        self.display = display
        self.board = doc["name"]
        self.selected = -1
        self.shown = START
        self.levels = bytearray(b"\x04" * len(channels))  # as the worst: at first none is news
        self.has_act = "act" in given
        self.has_key = ["button" in channel for channel in channels]
        buttons = {}
        for name, role in (("select", _SELECT), ("act", _ACT), ("maintenance", _MAINTENANCE)):
            if name in given:
                if given[name] not in buttons:
                    pin = machine.Pin(given[name], machine.Pin.IN, machine.Pin.PULL_UP)
                    buttons[given[name]] = _Button(pin)
                buttons[given[name]].role |= role
        self._buttons = list(buttons.values())
        self._led = _lamp(doc["led"]) if "led" in doc else None
        self._buzzer = None
        if "buzzer" in given:
            sound = _tone if "tone_hz" in given["buzzer"] else _lamp
            self._buzzer = sound(given["buzzer"])
        self._lit = self._loud = 0
        self._phase_ms = 0
        self._tune = 0  # pattern of the buzzer
        self._sound_ms = 0  # so long it is still heard
        self._quiet_ms = 0  # and since when it has not been
        self._look_ms = _LOOK_MS
        self._seen_n = 0
        self._page_ms = 0  # for how long the screen has been shown
        self._redraw = True
        self._idle_ms = 0  # since a button was moved
        self._deaf = False  # this press of ACT began too soon after the screen had changed
        self._hold_ms = 0  # after a failure

    def poll(self, dt_ms):
        """Buttons, signals and one page of the display, `dt_ms` after the last time."""
        if self._hold_ms > 0:
            self._hold_ms -= dt_ms
        for button in self._buttons:
            done = button.look(dt_ms)
            if done:
                self._moved(button.role, done)
        if self.selected >= 0:
            self._idle_ms += dt_ms
            if self._idle_ms >= _SELECTED_MS:
                self.selected = -1
                self._redraw = True
        if self._led or self._buzzer:
            self._watch(dt_ms)
            self._signal(dt_ms)
        if self.display:
            self.show(dt_ms)

    def _moved(self, role, done):
        self._idle_ms = 0
        if role & _MAINTENANCE and done == _KEPT:
            self.maintenance = True
            self.meter.maintenance = _SERVICE_MINUTES
        elif role & _SELECT and done == _SHORT:
            user = self._user() if self.selected < 0 else self.selected
            self._select((user + 1) % len(self.levels))
        elif role & _ACT:
            if done == _DOWN:
                # Nobody takes another one's credit because the screen has just changed.
                self._deaf = False
                if self.selected < 0:
                    self._deaf = self._page_ms < _YOUNG_MS and len(self.levels) > 1
                    self._select(self._user())
            elif done < _KEPT and self.selected >= 0 and not self._deaf:
                self.meter.hand(self.selected, done == _LONG)
                self._redraw = True

    def _user(self):
        """Whom a button means while nobody is selected, -1 if that cannot be told."""
        if len(self.levels) == 1:
            return 0
        there = self.display and self.display.is_there and self.shown < len(self.levels)
        return max(-1, self.shown) if there else -1

    def _select(self, user):
        self.selected = user
        self._phase_ms = 0
        if user >= 0:
            self.shown = user
            self._page_ms = 0
            self._redraw = True

    def is_offline(self):
        """Is there no network, because of safe mode or for another reason?"""
        return self.meter.safe_ms > 0 or bool(self.session and not self.session.connected)

    def _watch(self, dt_ms):
        """Have the accounts looked at when there may be news, and let the buzzer tell them."""
        self._quiet_ms = min(self._quiet_ms + dt_ms, _HOUR_MS)
        self._look_ms += dt_ms
        events = self.meter.events
        if self._look_ms < (_LOOK_MS if events.next_n == self._seen_n else _SOON_MS):
            return
        self._look_ms = 0
        self._seen_n = events.next_n
        level = self._run("hal.hand_look", self._quiet_ms >= _HOUR_MS)
        if level and self._buzzer:
            self._tune = _OF_LEVEL[level]
            self._sound_ms = _SOUND_MS
            self._quiet_ms = self._phase_ms = 0

    def _signal(self, dt_ms):
        bit = 1 << self._phase_ms // _STEP_MS
        self._phase_ms = (self._phase_ms + dt_ms) % _ROUND_MS
        lit = self._pattern() & bit
        if lit != self._lit and self._led:
            self._led(lit)
        self._lit = lit
        if self._sound_ms > 0:
            self._sound_ms -= dt_ms
        loud = self._tune & bit if self._sound_ms > 0 and not self.maintenance else 0
        if loud != self._loud:
            self._buzzer(loud)
        self._loud = loud

    def _pattern(self):
        if self.maintenance:
            return _SERVICE
        if self.selected >= 0:
            return _SELECTED & (1 << 3 * self.selected + 3) - 1
        claims = 0
        for channel in self.meter.channels:
            claims |= channel.claims
        if claims & _FAULTS:
            return _FAULTY
        level = max(self.levels)
        return _OFFLINE if not level and self.is_offline() else _OF_LEVEL[level]

    def show(self, dt_ms):
        """The display's share: the next screen if it is time, else a page of the present one."""
        display = self.display
        if display.poll(dt_ms):
            self._redraw = True
        self._page_ms += dt_ms
        if self.maintenance:
            if self.shown != SERVICE:
                self.shown = SERVICE
                self._redraw = True
        elif self._page_ms >= _PAGE_MS:
            if self.selected < 0:
                self.shown = max(0, self.shown + 1)
                if self.shown >= len(self.levels) + self.is_offline():
                    self.shown = 0
            self._page_ms = 0
            self._redraw = True
        if self._redraw and display.is_there and self._hold_ms <= 0:
            self._redraw = False
            self._run("hal.hand_page", display)
            display.drawn()

    def _run(self, name, given):
        """What a module finds out or draws; None if it fails, which must not stop the meter."""
        if self._hold_ms > 0:
            return None
        try:
            return run(name, "run", self, given)
        except Exception as error:
            self._hold_ms = _LOOK_MS
            print("umeter: %s failed:" % name, repr(error))
