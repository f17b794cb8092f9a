"""binascii as the ESP32 has it, in C.

The interpreter's image covers it up with one in Python, which takes some megabytes of heap for a
base64 of one kilobyte; under its old name the one in C is still there.
"""

from ubinascii import a2b_base64, b2a_base64, crc32, hexlify, unhexlify  # noqa: F401
