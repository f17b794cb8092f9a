"""More messages in one session than MQTT has packet ids."""

import pytest

from umeter_sim.link_rig import LinkRig

MESSAGES = 70_000


@pytest.mark.slow
def test_packet_ids_go_round_within_one_session():
    rig = LinkRig()
    assert rig.run(10_000, until=rig.connected)
    rig.broker.answer_ms = 0
    before = len(rig.broker.pids)
    for i in range(MESSAGES):
        rig.meter.event("hand", 1, i)
        assert rig.session.step()
    assert rig.session.sessions == 1 and rig.session.failures == 0
    assert len(rig.broker.pids) - before == MESSAGES, "each was sent once"
    assert rig.meter.events.peek() is None, "and acknowledged"
    assert min(rig.broker.pids) >= 1 and max(rig.broker.pids) <= 65_535
    assert [event["a"] for event in rig.broker.of("event")[-MESSAGES:]] == list(range(MESSAGES))
