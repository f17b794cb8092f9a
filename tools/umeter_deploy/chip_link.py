"""A chip that waits in its loader, on a serial port: asked and written through esptool.

esptool compares what it has written with the chip's MD5 of it, and raises if they differ.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from esptool import cmds
from esptool.loader import ESPLoader
from esptool.logger import EsptoolLogger, TemplateLogger
from esptool.util import FatalError, flash_size_bytes

from umeter_deploy.esp_image import CHIPS, chip_name

try:
    from termios import error as _port_error
except ImportError:  # not on Windows, where pyserial has no such thing to raise
    _port_error = OSError

BAUD = 460_800
_FAULTS = (FatalError, OSError, _port_error)
_BY_NAME = {chip_name(chip): chip for chip in CHIPS}

Progress = Callable[[float], None]


class ChipLink:
    """An open link. `chip` as esptool names it, `flash_bytes` as the flash says itself.

    All methods raise ValueError, one sentence, if the link or the chip fails.
    """

    def __init__(self, esp: ESPLoader, chip: str, flash_bytes: int, quiet: "_Quiet"):
        self._esp = esp
        self._quiet = quiet
        self.chip = chip
        self.flash_bytes = flash_bytes

    def read(self, offset: int, size: int) -> bytes:
        with _told("The flash could not be read"):
            return self._esp.read_flash(offset, size)

    def write(self, offset: int, data: bytes, progress: Progress) -> None:
        """progress: called with the part that is done, 0..1. offset: a sector's beginning."""
        self._quiet.progress = progress
        with _told(f"Writing to 0x{offset:x} of the flash failed, and can be begun anew"):
            cmds.write_flash(self._esp, [(offset, data)], compress=True)

    def restart(self) -> None:
        with _told("The chip could not be restarted, press its reset button"):
            cmds.reset_chip(self._esp, "hard-reset")


@contextmanager
def connect(port: str, baud: int = BAUD, stub: bool = True, by_hand: bool = False) -> Iterator:
    """A ChipLink to what is on this port. stub: with esptool's own loader in the chip's RAM, which
    is faster by far than the one in its ROM. by_hand: somebody has started the chip's loader, for
    a board without the circuit that lets the computer do so. ValueError as for ChipLink.
    """
    quiet = _Quiet()
    logger = EsptoolLogger()
    logger.set_logger(quiet)
    esp = None
    try:
        with _told(
            f"No chip answers on {port}; hold its BOOT button, press RESET, and try again with"
            " --by-hand"
        ):
            mode = "no-reset" if by_hand else "default-reset"
            esp = cmds.detect_chip(port, ESPLoader.ESP_ROM_BAUD, mode)
        # A second run finds the plan as it was, so nothing is gained by going on at any price.
        esp.WRITE_FLASH_ATTEMPTS = 1
        with _told(f"The chip on {port} does not let itself be written"):
            esp = _ready(esp, baud, stub)
            chip = _BY_NAME.get(esp.CHIP_NAME)
            size = cmds.detect_flash_size(esp)
        if chip is None:
            raise ValueError(f"The chip on {port} is an {esp.CHIP_NAME}: no meter runs on it")
        if size is None:
            raise ValueError(f"The flash on {port} does not tell its size: no meter runs on it")
        yield ChipLink(esp, chip, flash_size_bytes(size), quiet)
    finally:
        logger.set_logger(logger)
        if esp is not None:
            esp._port.close()


def _ready(esp: ESPLoader, baud: int, stub: bool) -> ESPLoader:
    if (
        esp.secure_download_mode
        or esp.get_flash_encryption_enabled()
        or esp.get_secure_boot_enabled()
    ):
        raise FatalError("its fuses are set for signed or encrypted programs")
    if stub:
        esp = cmds.run_stub(esp)
        esp.WRITE_FLASH_ATTEMPTS = 1
        if baud != esp.get_baud():
            esp.change_baud(baud)
    cmds.attach_flash(esp)
    return esp


@contextmanager
def _told(sentence: str) -> Iterator:
    """Faults of the link as one sentence: this one, with the first line of what was reported."""
    try:
        yield
    except _FAULTS as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".! ")
        raise ValueError(f"{sentence} ({reason})") from None


class _Quiet(TemplateLogger):
    """esptool's own words are left out, but for its progress."""

    def __init__(self):
        self.progress: Progress | None = None

    def print(self, *args, **kwargs):
        pass

    def note(self, message):
        pass

    def warning(self, message):
        pass

    def error(self, message):
        pass

    def stage(self, finish=False):
        pass

    def set_verbosity(self, verbosity):
        pass

    def progress_bar(self, cur_iter, total_iters, prefix="", suffix="", bar_length=30):
        if self.progress is not None and total_iters:
            self.progress(cur_iter / total_iters)
