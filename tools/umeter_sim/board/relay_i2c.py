"""I2C expanders with relays on their outputs, at register level: PCF8574, TCA9554, MCP23017.

They keep what they hold while the ESP32 restarts, and lose it with their supply. Power-up: PCF8574
all outputs high; TCA9554 all inputs, output register FF; MCP23017 all inputs, output latches 0. An
input drives no relay (data sheets of NXP, TI and Microchip).
"""

# Registers at power-up; of the outputs, of the directions; does the pointer go on by itself?
_TCA9554 = (0xFF, 0xFF, 0x00, 0xFF)
_MCP23017 = (0xFF, 0xFF) + (0,) * 20


class _Expander:
    """What all have. `registers` outlives the ESP32. `deaf`: so many transfers get no
    acknowledge, -1 all.
    """

    def __init__(self, address, moved):
        self.address = address
        self.deaf = 0
        self.registers = bytearray(self.default)
        self._moved = moved

    def hears(self):
        if self.deaf > 0:
            self.deaf -= 1
            return False
        return self.deaf == 0

    def brown_out(self):
        self.registers[:] = bytes(self.default)
        self._moved()

    def output(self, bit):
        """The level that an output drives, -1 for an input."""
        return self.registers[0] >> bit & 1


class Pcf8574(_Expander):
    default = (0xFF,)

    def write(self, data):
        if not self.hears():
            return False
        for byte in data:
            self.registers[0] = byte
            self._moved()
        return True

    def read(self, count):
        return bytes(self.registers) * count if self.hears() else None


class _Registers(_Expander):
    """With a pointer, the first byte of each write."""

    def __init__(self, address, moved):
        _Expander.__init__(self, address, moved)
        self._pointer = 0

    def write(self, data):
        if not self.hears():
            return False
        for i in range(len(data)):
            if i == 0:
                self._pointer = data[0]
            else:
                self.put(self._pointer, data[i])
                self.go_on()
                self._moved()
        return True

    def read(self, count):
        if not self.hears():
            return None
        data = bytearray(count)
        for i in range(count):
            data[i] = self.get(self._pointer)
            self.go_on()
        return bytes(data)


class Tca9554(_Registers):
    default = _TCA9554

    def put(self, register, byte):
        if 0 < register < 4:
            self.registers[register] = byte

    def get(self, register):
        if register == 0:  # the pins; inputs are pulled up
            return self.registers[1] | self.registers[3]
        return self.registers[register] if register < 4 else 0xFF

    def go_on(self):
        pass  # the same register until the next write

    def output(self, bit):
        return -1 if self.registers[3] >> bit & 1 else self.registers[1] >> bit & 1


class Mcp23017(_Registers):
    default = _MCP23017

    def put(self, register, byte):
        if register in (0x12, 0x13):  # a write to the port is one to its latch
            register += 2
        if register < 0x16:
            self.registers[register] = byte

    def get(self, register):
        return self.registers[register] if register < 0x16 else 0

    def go_on(self):
        self._pointer = (self._pointer + 1) % 0x16

    def output(self, bit):
        port = bit >> 3
        if self.registers[port] >> (bit & 7) & 1:
            return -1
        return self.registers[0x14 + port] >> (bit & 7) & 1


_KINDS = {"pcf8574": Pcf8574, "tca9554": Tca9554, "mcp23017": Mcp23017}


class Device:
    """The chips of board.json's relays. contact(index, closed) is told of every move."""

    def __init__(self, world, relays, contact, state=None):
        self._contact = contact
        self._closing = 1 if relays["active"] == "high" else 0
        self.faces = []
        self._places = []  # of each relay: its chip, its bit
        for doc in relays["chips"]:
            chip = _KINDS[doc["chip"]](doc["address"], self._look)
            self.faces.append(chip)
            self._places += [(chip, bit) for bit in doc["bits"]]
        if state:
            for i in range(len(state)):
                self.faces[i].registers[:] = bytes(state[i])
        self._closed = [False] * len(self._places)
        self._look()

    def _look(self):
        for i in range(len(self._places)):
            chip, bit = self._places[i]
            closed = chip.output(bit) == self._closing
            if closed != self._closed[i]:
                self._closed[i] = closed
                self._contact(i, closed)

    def let_go(self, power):
        if not power:
            self.brown_out()
            # What has no supply closes nothing.
            for i in range(len(self._places)):
                if self._closed[i]:
                    self._closed[i] = False
                    self._contact(i, False)

    def brown_out(self):
        for chip in self.faces:
            chip.brown_out()

    def state(self):
        return [list(chip.registers) for chip in self.faces]
