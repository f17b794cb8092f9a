"""A meter on a real broker that follows a script, for the station's end-to-end tests."""

import json
import threading
import time

import paho.mqtt.client as mqtt

from station_kit import KEY, reading
from umeter_station import envelope

# What an order moved: told again, in each of these, if it is the channel's last such order.
_AMOUNTS = {"taken_u", "refund_u", "lend_u"}


class ScriptedMeter:
    """Applies each number once, as the firmware does; `mute` drops that many answers. `logs` is
    None in an older meter, which does not know what a history is. A purchase over `max_topup_u` is
    refused for now. An answer that is repeated tells the outcome, but not the amounts."""

    def __init__(self, broker, name="m1", key=KEY):
        self.name, self.key, self.mute, self.copies = name, key, 0, 1
        self.last = {}
        self.tells_again = True  # False: as if another order had come in between
        self.outcomes, self.credited_u, self.heard = {}, {}, []
        self.charged_u, self.max_topup_u = {}, 10**12
        self.logs, self.readings = None, 0
        self.ready = threading.Event()
        self.client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id=name, clean_session=False
        )
        self.client.reconnect_delay_set(1, 1)
        will = json.dumps({"state": "offline", "boot": 1})
        self.client.will_set(f"umeter/{name}/up/status", will, 1, True)
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = self._on_subscribe
        self.client.on_message = self._on_message
        self.client.connect_async(broker.host, broker.port, 10)
        self.client.loop_start()

    def _on_connect(self, client, *_):
        client.subscribe(f"umeter/{self.name}/down/command", 1)

    def _on_subscribe(self, *_):
        status = {"state": "online", "boot": 1, "channels": 8, "clock": 1}
        self.publish("status", status, retain=True)
        self.ready.set()

    def publish(self, kind, document, retain=False):
        payload = document if isinstance(document, bytes) else json.dumps(document)
        return self.client.publish(f"umeter/{self.name}/up/{kind}", payload, 1, retain)

    def _on_message(self, _client, _userdata, message):
        order = json.loads(envelope.verify(self.key, message.payload))
        self.heard.append(order["n"])
        first = self.outcomes.get(order["n"])
        if first is None:
            answer = {"n": order["n"], "op": order["op"], "code": "applied", **self._act(order)}
            self.outcomes[order["n"]] = answer["code"]
            for field in _AMOUNTS.intersection(answer):
                self.last[order["ch"]] = (order["n"], answer[field])
        else:
            answer = {"n": order["n"], "code": "replayed", "first": first}
            last_n, last_u = self.last.get(order.get("ch"), (0, 0))
            if last_n == order["n"] and self.tells_again:
                answer.update(dict.fromkeys(_AMOUNTS, last_u))
        if self.mute:
            self.mute -= 1
            return
        for _ in range(self.copies):
            self.publish("result", envelope.sign(self.key, json.dumps(answer).encode()))

    def _act(self, order):
        if order["op"] == "credit":
            if order["ch"] > 8:
                return {"code": "range", "reason": "there are 8 channels"}
            if order["amount_u"] > self.max_topup_u:
                return {"code": "too_much", "reason": f"a top-up is {self.max_topup_u} at most"}
            return self._moved(order["ch"], order["amount_u"], 0)
        if order["op"] == "debit":
            left_u = self.credited_u.get(order["ch"], 0) - self.charged_u.get(order["ch"], 0)
            taken_u = min(order["amount_u"], left_u)
            return {"taken_u": taken_u, **self._moved(order["ch"], 0, taken_u)}
        if order["op"] == "account" and "lend_u" in order:
            lend_u = order["lend_u"]
            return {"lend_u": lend_u, **self._moved(order["ch"], lend_u, 0)}
        if order["op"] == "status":
            return {"account": {"account": 7, "debt_u": [0, 0, 0]}}
        if order["op"] == "read":
            return {"reading": reading(seq=order["n"], power_dw=[1234, 0])}
        if order["op"] == "history":
            if self.logs is None:
                return {"code": "unknown_op", "reason": "op must be another"}
            return self.logs.answer(order)
        return {}

    def _moved(self, ch, credited_u, charged_u):
        """The totals after that."""
        total_u = self.credited_u[ch] = self.credited_u.get(ch, 0) + credited_u
        used_u = self.charged_u[ch] = self.charged_u.get(ch, 0) + charged_u
        totals = {"credited_total_u": total_u, "charged_total_u": used_u}
        return {"ch": ch, **totals, "balance_u": total_u - used_u}

    def report(self, **changes):
        """Publish the next reading, which names the newest of each log if there are any."""
        self.readings += 1
        announced = self.logs.announced() if self.logs else {}
        document = reading(seq=self.readings, t=int(time.time())) | announced | changes
        self.publish("reading", document)

    def leave(self):
        """The connection breaks; the broker sends the last will."""
        self.client._sock.close()
        self.client.loop_stop()

    def stop(self):
        self.client.disconnect()
        self.client.loop_stop()
