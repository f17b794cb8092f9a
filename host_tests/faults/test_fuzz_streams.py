"""A broker's bytes, mutated: a share of what the bench tries."""

from thoroughness import share
from umeter_sim import fuzz_streams, link_rig
from umeter_sim.fake_mqtt import publish
from umeter_sim.order_board import firmware

SOME = share(5000, 2500)


def test_mutated_streams_end_at_most_a_session():
    told = []
    found = fuzz_streams.streams(SOME, seed=5, progress=told.append)
    assert found["faults"] == []
    assert found["inputs"] == told[-1] >= SOME


def test_an_order_on_a_topic_of_others_is_found(monkeypatch):
    session = firmware.load("umeter.net.session").Session
    monkeypatch.setattr(session, "_received", lambda self, _, m: self._inbox.append(m))
    found = fuzz_streams.streams(200, seed=5)["faults"]
    assert any("the meter has changed" in sentence for sentence in found)


def test_what_a_step_lets_through_is_found(monkeypatch):
    session = firmware.load("umeter.net.session").Session
    drop = session._drop

    def raising(self, error):
        drop(self, error)
        if isinstance(error, AssertionError):
            raise error

    monkeypatch.setattr(session, "_drop", raising)
    found = fuzz_streams.streams(200, seed=5)["faults"]
    assert any("escaped" in sentence for sentence in found)


def test_a_wait_without_turns_is_found(monkeypatch):
    transport = firmware.load("umeter.net.transport")
    monkeypatch.setattr(transport.PatientSocket, "turn", lambda self: None)
    found = fuzz_streams.streams(200, seed=5)["faults"]
    assert any("no turn for" in sentence for sentence in found)


def test_a_rig_sells():
    rig = link_rig.LinkRig()
    assert rig.run(10_000, until=rig.connected)
    sale = rig.token(n=1, op="credit", ch=1, amount_u=7)
    rig.broker.wire.arrive(publish(link_rig.DOWN, sale, 1))
    assert rig.run(1000, until=rig.answers)
    assert rig.answers()[0]["code"] == "applied"
