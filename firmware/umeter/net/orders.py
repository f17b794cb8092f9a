"""Orders: check, commit, act, answer. The answer is only made after the commit.

An order is a JSON object {"n", "op", "exp"?, "meter"?, ...} whose signature was found good. Its
number is consumed by whatever comes of it, in the same journal batch as what it changes; so one
number has one outcome, whatever is repeated, reordered or cut. The one exception is "store":
nothing could be committed, nothing has changed, and the station may send the same again.

What each operation does is in order_data, order_money, order_key and order_other.
"""

import json

from micropython import const

from umeter.core import replay
from umeter.net import reports
from umeter.net.order_kit import (
    APPLIED,
    CODES,
    EXPIRED,
    LARGEST_N,
    MALFORMED,
    PARTLY,
    UNKNOWN_OP,
    WRONG_METER,
    Refused,
    integer,
)

# Operation, module, fields.
_OPERATIONS = const(
    """credit money ch amount_u id account
debit money ch amount_u id account
emergency money ch
restore money ch
user money ch state
supply money ch state
release money ch claim
debt money ch debt add_u
account money ch action account lend_u
quarantine other ch action
status data ch
read data
link data
history data what from count
set other version set
time other t boot
key key wrapped check
maintenance board minutes
calibrate calibrate ch gain_ppm offset phase creep_dw
update update do release board manifest size file
chunk update file at data"""
)


def carry_out(payload, commands, key=None):
    """The answer to an order, as a dict; None if it has no number.

    commands: Commands, or what else has the `meter` and the `clock`; only orders about link and
    key ask for more. key: the one that the payload was signed with.
    """
    meter = commands.meter
    try:
        order = json.loads(payload)
        n = integer(order, "n", 1, LARGEST_N)
    except Exception:  # not JSON, not an object, no number
        return None
    ch = order.get("ch")
    channel = None
    if type(ch) is int and 0 < ch <= len(meter.channels):
        channel = meter.channels[ch - 1]
    op = order.get("op")
    answer = {"n": n, "op": op if type(op) is str else None}
    window = replay.window_of(meter)
    first = window.outcome(n)
    codes = CODES.split()
    if first == 0:
        answer["code"] = codes[_Execution(commands, key, channel, order, answer).run(window)]
    elif first < 0:
        answer["code"] = "old"
    else:
        answer["code"] = "replayed"
        answer["first"] = codes[first]
        if channel is not None:
            from umeter.net.order_money import again

            again(meter, channel, n, answer)
    if channel is not None:  # whatever came of it: the station can reconcile
        answer["ch"] = ch
        answer["credited_total_u"] = channel.account.credited_total_u
        answer["charged_total_u"] = channel.account.charged_total_u
        answer["balance_u"] = channel.account.balance_u
        answer["contact"] = int(channel.contact)
        answer["claims"] = channel.claims
        answer["armed"] = channel.armed
    answer["t"] = reports.unix_or_0(commands.clock.when)
    answer["boot"] = meter.boot
    return answer


class _Execution:
    """One order with a new number. key: that signed it. channel: the one it names, or None.

    An operation checks its fields, changes RAM so that the batch can be committed, and returns the
    outcome. `undo` takes back what it changed in RAM, `then` is what follows once it is committed.
    """

    def __init__(self, commands, key, channel, order, answer):
        self.commands = commands
        self.meter = commands.meter
        self.clock = commands.clock
        self.key = key
        self.channel = channel
        self.order = order
        self.answer = answer
        self.batch = {}
        self.reading = False  # it changes nothing
        self.undo = None
        self.then = None

    def run(self, window):
        """Do and commit what the order says. Returns the outcome, 0 (store) if that failed."""
        meter = self.meter
        order = self.order
        n = order["n"]
        try:
            try:
                code = self._do()
            except Refused as e:
                code, self.answer["reason"] = e.args
            window.record(n, code)
            self.batch[replay.KEY] = window.pack()
            if code == APPLIED and self.reading:
                # Its number is committed with the next batch. A power cut before that forgets it:
                # sent again, the order does the same again, which is nothing.
                meter.later.update(self.batch)
            else:
                meter.commit(self.batch)
        except Exception as e:  # flash, journal full, no memory: RAM goes back to the journal
            if self.undo is not None:
                self.undo()
            op = self.answer["op"]
            self.answer.clear()  # of what was not done
            self.answer.update({"n": n, "op": op, "reason": str(e)})
            return 0
        done = code == APPLIED or code == PARTLY
        if done and self.then is not None:
            self.then()
        # Reading leaves no event: to pull events would never come to an end.
        if not (done and self.reading):
            ch = 0 if self.channel is None else self.channel.index + 1
            meter.events.put(self.clock.when, "command", ch, n, code)
        return code

    def _do(self):
        order = self.order
        if "meter" in order and order["meter"] != self.commands.name:
            raise Refused(WRONG_METER, "this meter is " + self.commands.name)
        op = order.get("op")
        for line in _OPERATIONS.split("\n"):
            name, module, *fields = line.split(" ")
            if name == op:
                break
        else:
            names = sorted([line.split(" ")[0] for line in _OPERATIONS.split("\n")])
            raise Refused(UNKNOWN_OP, "op must be one of " + ", ".join(names))
        for key in order:
            if key not in fields and key not in ("n", "op", "exp", "meter"):
                raise Refused(MALFORMED, "unknown field " + key)
        if "exp" in order:
            first_t = reports.EPOCH_OFFSET_S
            expires = integer(order, "exp", first_t, first_t + LARGEST_N)
            when = self.clock.when
            # A time order is not judged by the clock it is to mend: its boot count keeps it fresh.
            if op != "time" and when and expires < first_t + when:
                raise Refused(EXPIRED, "expired at %d" % expires)
        if "ch" in fields:
            integer(order, "ch", 1, len(self.meter.channels))
        self.reading = module == "data"
        module = "order_" + module
        operations = getattr(__import__("umeter.net." + module).net, module)
        return getattr(operations, "carry" if module == "order_money" else op)(self)
