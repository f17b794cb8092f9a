"""Runs scenarios in the interpreter of the board."""

import json

import scenario_runner


def run(arg):
    """arg: JSON [[first line, text], ..]. JSON of [[how much was compared, failures], ..]."""
    return json.dumps([scenario_runner.run(text, "plain", line) for line, text in json.loads(arg)])
