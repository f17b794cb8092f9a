"""Judges each change of settings of a list, on a new board; returns what was refused of it."""

import json

from umeter.settings import Settings


def run(arg):
    return json.dumps([Settings(8).check(changes)[1] for changes in json.loads(arg)])
