"""A simulated chip's loader on a pseudo-terminal, as a serial port for the real esptool."""

import os
import select
import threading
import tty

from umeter_sim.rom_loader import RomLoader


class RomPort:
    """`with RomPort(loader) as port:` - port.name is what to open.

    dies_after: the port is gone once so many bytes of the flash have been programmed.
    """

    def __init__(self, loader: RomLoader, dies_after: int | None = None):
        self._loader = loader
        self._dies_after = dies_after
        # The terminal's own end stays open: without it, nobody's having it open reads as an end.
        self._here, self._there = os.openpty()
        tty.setraw(self._there)
        self.name = os.ttyname(self._there)
        self._stop, self._stopped = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "RomPort":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._stopped)
        self._thread.join()
        os.close(self._stop)

    def _serve(self) -> None:
        try:
            while self._stop not in (ready := select.select([self._here, self._stop], [], [])[0]):
                if self._here in ready:
                    answer = self._loader.feed(os.read(self._here, 65_536))
                    if self._dies_after is not None and self._loader.programmed > self._dies_after:
                        return
                    os.write(self._here, answer)
        finally:
            os.close(self._here)
            os.close(self._there)
