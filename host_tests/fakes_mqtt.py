"""The MQTT side of net tests."""

from umeter_sim.fake_mqtt import Broker, load_umqtt, packet, publish

__all__ = ["Broker", "load_umqtt", "packet", "publish"]
