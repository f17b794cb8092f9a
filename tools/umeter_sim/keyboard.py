"""Single key presses from a terminal; nothing where the input is no terminal."""

import os
import select
import sys
import time

try:
    import termios
    import tty
except ImportError:  # no POSIX terminal: the demo then only shows
    termios = None


class Keyboard:
    """A context in which keys come without Enter and are not echoed."""

    def __init__(self, stream=None):
        self._stream = stream or sys.stdin
        self._is_terminal = termios is not None and self._stream.isatty()
        self._before = None

    def __enter__(self):
        if self._is_terminal:
            self._before = termios.tcgetattr(self._stream)
            tty.setcbreak(self._stream)
        return self

    def __exit__(self, *_):
        if self._is_terminal:
            termios.tcsetattr(self._stream, termios.TCSADRAIN, self._before)

    def wait(self, seconds):
        """The key pressed within so many seconds, lower case; None for none, "" at the end of
        the input.
        """
        if not self._is_terminal:
            time.sleep(seconds)
            return None
        ready, _, _ = select.select([self._stream], [], [], seconds)
        if not ready:
            return None
        # Not through the stream's buffer: select() would not see what waits there.
        return os.read(self._stream.fileno(), 1).decode(errors="replace").lower()
