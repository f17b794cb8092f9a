"""What a journal partition's cells say, read by the firmware's own journal."""

from pathlib import Path

from umeter_sim.paths import FIRMWARE, SHIMS
from umeter_sim.runtimes.namespace import Namespace


class FlashImage:
    """A copy of the cells that can only be read; the interface of umeter.hal.flash."""

    sector = 4096

    def __init__(self, cells):
        self._cells = bytes(cells)
        self.size = len(self._cells)

    def read(self, off, buf):
        buf[:] = self._cells[off : off + len(buf)]


def decode_journal(cells):
    """Per channel {"wh", "residual", "credited_total_u", "charged_total_u", "balance_u"} of the
    newest whole copy.
    """
    firmware = Namespace([SHIMS, FIRMWARE], {}, Path(), print)
    saved = firmware.load("umeter.core.journal").Journal(FlashImage(cells)).load()
    new_channel = firmware.load("umeter.core.channel").Channel
    new_sample = firmware.load("umeter.core.sample").Sample
    resume = firmware.load("umeter.core.restore").resume
    unit = firmware.load("umeter.core.energy").UNITS_PER_WH
    found = []
    while "c%d" % len(found) in saved:
        channel = new_channel(len(found), new_sample(unit, 0, True), 1000)
        resume(channel, saved)
        account = channel.account
        found.append(
            {
                "wh": channel.register.wh,
                "residual": channel.register.residual,
                "credited_total_u": account.credited_total_u,
                "charged_total_u": account.charged_total_u,
                "balance_u": account.balance_u,
            }
        )
    return found
