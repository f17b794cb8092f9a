"""Home Assistant's own code over discovery messages, run by an interpreter that has it.

Standard input: a JSON list of [discovery message, state message], both as texts. Standard output:
a JSON list with, for each, {"wrong": what is wrong with it, "values": {component: what its
template makes of the state}}. Home Assistant drops what it does not know without a word, so that
counts as wrong, too. How to make such an interpreter: ha_requirements.txt.
"""

import asyncio
import json
import logging
import sys

import voluptuous as vol
from homeassistant.components.mqtt import binary_sensor, discovery, schemas, sensor, switch
from homeassistant.components.sensor.const import DEVICE_CLASS_STATE_CLASSES, DEVICE_CLASS_UNITS
from homeassistant.core import HomeAssistant
from homeassistant.helpers.template import Template

_PLATFORMS = {
    "sensor": sensor.DISCOVERY_SCHEMA,
    "binary_sensor": binary_sensor.DISCOVERY_SCHEMA,
    "switch": switch.DISCOVERY_SCHEMA,
}
_SHARED = schemas.SHARED_OPTIONS + ["device", "origin", "qos", "encoding"]


class _Warnings(logging.Handler):
    def __init__(self):
        super().__init__(logging.WARNING)
        self.told = []

    def emit(self, record):
        self.told.append(record.getMessage())


def wrong(text):
    warnings = _Warnings()
    logging.getLogger("homeassistant").addHandler(warnings)
    try:
        device = discovery.MQTTDiscoveryPayload(json.loads(text))
        discovery._replace_all_abbreviations(device)
        try:
            schemas.DEVICE_DISCOVERY_SCHEMA(device)
        except vol.Invalid as error:
            return [f"device: {error}"]
        found = []
        for name, component in device["components"].items():
            found += _component(name, device, dict(component))
        return found + warnings.told
    finally:
        logging.getLogger("homeassistant").removeHandler(warnings)


def _component(name, device, component):
    """As the discovery hands it on: with what the device has for all of them."""
    platform = component.pop("platform")
    given = {key: device[key] for key in _SHARED if key in device} | component
    given.pop("origin", None)
    try:
        checked = _PLATFORMS[platform](dict(given))
    except vol.Invalid as error:
        return [f"{name}: {error}"]
    found = [f"{name}: {key} is not known" for key in given if key not in checked]
    if platform == "sensor":
        found += _classes(name, component)
    return found


def _classes(name, component):
    """The schemas let wrong pairs pass; what takes the numbers later does not."""
    kind, state = component.get("device_class"), component.get("state_class")
    units, states = DEVICE_CLASS_UNITS.get(kind), DEVICE_CLASS_STATE_CLASSES.get(kind)
    found = []
    if units and component.get("unit_of_measurement") not in units:
        found.append(f"{name}: {component.get('unit_of_measurement')} is no unit of {kind}")
    if states is not None and state not in states:
        found.append(f"{name}: {state} does not go with {kind}")
    return found


def values(hass, text, state):
    device = discovery.MQTTDiscoveryPayload(json.loads(text))
    discovery._replace_all_abbreviations(device)
    return {
        name: Template(component["value_template"], hass).async_render_with_possible_json_value(
            state
        )
        for name, component in device["components"].items()
    }


async def _main():
    hass = HomeAssistant("")
    found = [
        {"wrong": wrong(config), "values": values(hass, config, state)}
        for config, state in json.load(sys.stdin)
    ]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    asyncio.run(_main())
