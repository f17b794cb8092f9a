"""A ring of numbered records of one size in some sectors of raw NOR flash: the newest stay.

A record begins with its number, u32, little-endian, and ends in the CRC-32 of all before it.
Numbers only grow, and a number is only used up by a record that is whole: after a power cut in the
middle of one, what is torn of it stays where it is, unread, and the next record has its number.
So there are no gaps, unless the flash refuses to hold what is written.
"""

from micropython import const

from umeter.core.transient import run

# Of these, the last records of a sector, one is written before the next idle moment at the latest.
_SOON = const(8)


class Ring:
    """flash: as hal/flash.py has it. first_sector, sectors: which part of it, two at least.
    record_bytes: a divisor of the sector.

    `newest` is the number of the last record, 0 if there is none, `next` the slot of the next.
    Reading is in ring_read.py, writing in ring_write.py: code for a moment now and then. At any
    moment the newest (sectors - 1) * records per sector - 8
    are there, less one for each slot that a power cut or a fault has spoiled.
    """

    def __init__(self, flash, first_sector, sectors, record_bytes):
        if sectors < 2:
            raise ValueError("a ring needs two sectors of flash, there is %d" % sectors)
        self.flash = flash
        self.start = first_sector * flash.sector
        self.sectors = sectors
        self.record_bytes = record_bytes
        self.per_sector = flash.sector // record_bytes
        self.ready = False  # the sector behind the present one is blank
        self.newest, self.next = run("core.ring_read", "recover", self)

    def append(self, buf):
        """Write a record; its last four bytes are filled in here. OSError if the flash fails."""
        run("core.ring_write", "append", self, buf)

    def prepare(self):
        """Make the next sector blank if it is needed soon. True if that took an erase (45 ms).

        For an idle moment: without it `append` has to do it.
        """
        left = -self.next % self.per_sector
        if self.ready or left > _SOON:
            return False
        place = (self.next + left) % (self.sectors * self.per_sector)
        erased = run("core.ring_write", "clear", self, place)
        self.ready = True
        return erased
