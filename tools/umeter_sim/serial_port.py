"""A simulated board on a pseudo-terminal, which mpremote and pyserial open as a USB port."""

import errno
import os
import select
import threading
import tty
from pathlib import Path
from typing import Any

from umeter_sim.board_api import BoardError, SimBoard, open_board

_AT_ONCE = 4096
_LOOK_S = 0.2


class SerialBoard:
    """`port` is the path to open, `sim` the board, `said` all that it has printed, `typed_bytes`
    how much was sent to it. Close it, or use it in a `with`.

    options: those of open_board(). What nobody reads is lost, as at a real port.
    """

    def __init__(self, **options: Any):
        self._master, self._slave = os.openpty()  # held open here: a program may come and go
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.port = os.ttyname(self._slave)
        self.said = bytearray()
        self.typed_bytes = 0
        self._closing = False
        try:
            self.sim: SimBoard = open_board(heard=self._heard, **options)
        except BaseException:
            self._end()
            raise
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def __enter__(self) -> "SerialBoard":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._closing = True
        self._thread.join()
        self.sim.close()
        self._end()

    def link(self, path: Path) -> None:
        """A name that stays the same, for the port."""
        path.unlink(missing_ok=True)
        path.symlink_to(self.port)

    def _end(self) -> None:
        os.close(self._master)
        os.close(self._slave)

    def _heard(self, data: bytes) -> None:
        self.said += data
        while data:
            try:
                data = data[os.write(self._master, data) :]
            except BlockingIOError:  # full: nobody reads
                return
            except OSError as error:
                if error.errno in (errno.EIO, errno.EBADF):
                    return
                raise

    def _listen(self) -> None:
        while not self._closing:
            ready, _, _ = select.select([self._master], [], [], _LOOK_S)
            if ready:
                try:
                    data = os.read(self._master, _AT_ONCE)
                    self.typed_bytes += len(data)
                    self.sim.type(data)
                except (BoardError, BlockingIOError):
                    continue
