"""A Scene with a fault proxy between board and broker, and the judgement on what a fault did."""

from umeter_sim.fault_proxy import FaultProxy
from umeter_sim.scene import METER, Scene, wait_until

TICK_MS = 100
WORST_GAP_MS = 50
SALE_U = 1_000_000
_VERSION = "app.meter.settings.version"


class LinkScene(Scene):
    """`proxy`: a FaultProxy; the station talks to the broker directly. host: what site.json calls
    the proxy. target: where the proxy leads, else to the broker. site: more of site.json. More
    arguments: Scene's.
    """

    def __init__(self, workdir, runtime="cpython", host=None, target=None, site=None, **more):
        self.proxy = None
        self._host, self._target, self._site = host, target, site or {}
        self._sold = 0
        try:
            super().__init__(workdir, runtime, **more)
        except BaseException:
            if self.proxy:
                self.proxy.close()
            raise

    def site_broker(self):
        target = self._target or (self.broker.host, self.broker.port)
        self.proxy = FaultProxy(target, lambda: self.sim.unix_ms, parses=self._target is None)
        address = {"host": self._host or self.proxy.host, "port": self.proxy.port}
        if "brokers" in self._site:
            return {**self._site, "brokers": [{**b, **address} for b in self._site["brokers"]]}
        return {"broker": address, "plain_tcp": True, **self._site}

    def close(self):
        super().close()
        self.proxy.close()

    def settle(self, sales_u=5_000_000):
        """Start the board; its first reading has come and every user has credit."""
        self.sim.start()
        wait_until(lambda: self.station.latest_reading(METER), "the first reading")
        for ch in range(1, len(self.meter()["channels"]) + 1):
            self.sell(ch, sales_u)

    def value(self, expression):
        """Of an expression inside the firmware's interpreter; it knows `app` and `world`."""
        return self.sim.ask("eval", expression=expression)["value"]

    def run_for(self, virtual_s, net_speed=200):
        """Let so much virtual time pass, quickly also where the board waits for its peer."""
        self.sim.set_speed(60, net_speed=net_speed)
        self.sim.run_for(virtual_s * 1000)
        self.sim.set_speed(60, net_speed=10)

    def hasten(self):
        """On CPython: next to no pause between sessions, where that is not what is looked at."""
        self.value("app.session.step.__globals__.__setitem__('_RETRY_MS', 2)")

    def connected(self):
        return self.value("app.session.connected")

    def survives(self, fault, worst_gap_ms=WORST_GAP_MS):
        """Live through a fault, with a sale in the midst of it. What was wrong, as a list of
        sentences: the sale must come through in the end, once, nothing else may have changed, and
        no tick may have been late.
        """
        self.value("setattr(app.meter, 'worst_gap_ms', 0)")
        self.value("setattr(app.session, 'failures', 0)")  # earlier ones are not its own
        before, version = self.meter()["channels"], self.value(_VERSION)
        self._sold += 1
        ch = 1 + self._sold % len(before)
        with fault(self):
            sale = self.station.sell(METER, ch, SALE_U)
        wrong = []
        if self.ordered(sale.command_id, 60).state != "applied":
            wrong.append("the sale was not applied")
        gap_ms = self.gap_ms()
        if gap_ms > worst_gap_ms:
            wrong.append("a tick came %d ms late" % gap_ms)
        for index, (was, now) in enumerate(zip(before, self.meter()["channels"], strict=True), 1):
            sold_u = SALE_U if index == ch else 0
            if now["credited_total_u"] != was["credited_total_u"] + sold_u:
                wrong.append("channel %d has %r, had %r" % (index, now, was))
            if (now["claims"], now["contact"]) != (was["claims"], was["contact"]):
                wrong.append("channel %d is %r, was %r" % (index, now, was))
        if self.value(_VERSION) != version:
            wrong.append("the settings have changed")
        return wrong

    def gap_ms(self):
        """How much later than due the latest tick came since the last fault began."""
        return self.meter()["worst_gap_ms"] - TICK_MS
