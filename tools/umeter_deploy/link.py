"""The prompt of a board at a serial port, over mpremote's own transport."""

import json
import time
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import serial
from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport

BAUD = 115_200
_SILENCE_S = 10  # of a board that is to answer
_CHUNK_BYTES = 768  # of a file: as text it is longer by a third, for the board's memory too
_AWAKE_S = 20  # from a reset to the line that the meter says

# Functions on the board. Files are read in pieces: the heap may be full of holes.
_HELPERS = """
import binascii, hashlib, json, os
def _each(folder, found):
    try:
        entries = os.ilistdir(folder)
    except OSError:
        return found
    for entry in entries:
        path = folder + '/' + entry[0]
        if entry[1] & 0x4000:
            _each(path, found)
        else:
            found[path] = _digest(path)
    return found
def _digest(path):
    whole = hashlib.sha256()
    piece = bytearray(512)
    try:
        with open(path, 'rb') as file:
            while True:
                n = file.readinto(piece)
                if not n:
                    return binascii.hexlify(whole.digest()).decode()
                whole.update(memoryview(piece)[:n])
    except OSError:
        return None
def _read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return None
def _folders(path):
    at = path.find('/')
    while at > 0:
        try:
            os.mkdir(path[:at])
        except OSError:
            pass
        at = path.find('/', at + 1)
def _copy(old, new):
    _folders(new)
    piece = bytearray(512)
    with open(old, 'rb') as source:
        with open(new, 'wb') as target:
            while True:
                n = source.readinto(piece)
                if not n:
                    return
                target.write(memoryview(piece)[:n])
"""


class LinkError(Exception):
    """The board does not do what it should; the text is one sentence for people."""


class Link:
    """A board that is stopped and listens. Use it in a `with`: what was begun and not ended by
    restart() leaves the board restarted all the same, with what it had.
    """

    def __init__(self, port: str):
        try:
            self._transport = SerialTransport(port, BAUD, timeout=_SILENCE_S)
        except (TransportError, OSError, serial.SerialException):
            raise LinkError(
                f"{port} cannot be opened: is the board plugged in, and no other program (a"
                " monitor, an editor) connected to it?"
            ) from None
        try:
            try:
                self._transport.enter_raw_repl(soft_reset=True)
            except TransportError:  # it was just starting, and has not heard us
                self._transport.enter_raw_repl(soft_reset=True)
            self._transport.exec(_HELPERS)
        except (TransportError, TransportExecError, OSError):
            self._transport.close()
            raise LinkError(
                f"Nothing at {port} answers like MicroPython: flash the board first (umeter flash)"
            ) from None

    def __enter__(self) -> "Link":
        return self

    def __exit__(self, *_: object) -> None:
        if self._transport is not None:
            try:
                self._transport.exec_raw_no_follow("import machine\nmachine.reset()")
            except (TransportError, OSError):  # it is not there any more
                pass
            self._close()

    def ask(self, expression: str) -> Any:
        """The value of an expression on the board, by way of JSON. Its functions are those of
        _HELPERS.
        """
        return json.loads(self.run(f"print(json.dumps({expression}))"))

    def run(self, program: str) -> str:
        """What a program prints on the board. LinkError if it raises, or the board is gone."""
        try:
            return self._transport.exec(program).decode()
        except TransportExecError as error:
            last = (error.error_output.strip().splitlines() or ["it failed"])[-1]
            raise LinkError(f"The board says: {last}") from None
        except (TransportError, OSError, serial.SerialException):
            raise LinkError("The board does not answer any more: is the cable still in?") from None

    def write(self, path: str, content: bytes, sent: Callable[[int], None]) -> None:
        """Write a file, whole or not at all by the time it has its name only for whoever looks at
        its digest. sent(n): n bytes of it are over.
        """
        self.run(f"_folders({path!r})\n_file = open({path!r}, 'wb')")
        for at in range(0, len(content), _CHUNK_BYTES):
            piece = content[at : at + _CHUNK_BYTES]
            self.run(f"_file.write(binascii.a2b_base64({b64encode(piece)!r}))")
            sent(len(piece))
        self.run("_file.close()")

    def restart(self, heard: Callable[[str], bool]) -> None:
        """Reset the chip; each line that it says then goes to heard(), until that is True.
        LinkError if it never is.
        """
        port = self._transport.serial
        self._transport.exec_raw_no_follow("import machine\nmachine.reset()")
        until = time.monotonic() + _AWAKE_S
        port.timeout = 0.2
        line = b""
        try:
            while time.monotonic() < until:
                line += port.read(max(1, port.in_waiting))
                while b"\n" in line:
                    first, line = line.split(b"\n", 1)
                    if heard(first.decode(errors="replace").strip("\r\x04>")):
                        return
        except OSError:  # a port that is part of the chip goes away with it
            return
        finally:
            self._close()
        raise LinkError(f"The board was restarted, and has not come up within {_AWAKE_S} s")

    def _close(self) -> None:
        transport, self._transport = self._transport, None
        try:
            transport.close()
        except OSError:
            pass
