"""Freezes the meter into a custom ESP32 image: frozen code lives in flash and leaves the heap to
the data.
"""

# ruff: noqa: F821  (include, require, package and module are given by MicroPython's makemanifest)

include("$(PORT_DIR)/boards/manifest.py")
require("umqtt.simple")
package("umeter", opt=3)
module("boot.py", opt=3)
module("main.py", opt=3)
