"""What a hand moves at the board: the cover's switch, the consumers' buttons and those that they
share. All connect their pin to ground.
"""

import machine

_LOW = 1  # as in machine.Board.outside
_HIGH = 2

SHARED = ("select", "act", "maintenance")
_pins = {}  # (kind, channel): (pin, what it reads at rest)
_moved = []  # of these, what is not at rest; it outlives a power cut


def wire(board, moved):
    """Connect what board.json names, as the board has it."""
    inputs = board.get("inputs", {})
    cover = inputs.get("cover")
    if cover:
        _pins["cover", 0] = (cover["gpio"], _HIGH if cover.get("active_low") else _LOW)
    for ch, gpio in inputs.get("buttons", {}).items():
        _pins["button", int(ch)] = (gpio, _HIGH)
    hand = board.get("hand", {})
    for name in SHARED:
        if name in hand:
            _pins[name, 0] = (hand[name], _HIGH)
    for pin, rest in _pins.values():
        machine.board.outside[pin] = rest
    for kind, ch in moved or ():
        set(kind, ch, True)


def set(kind, ch, moved):
    """Open or close the cover (channel 0), press or let go the button of a channel, or a shared
    one (channel 0).
    """
    if (kind, ch) not in _pins:
        raise ValueError("the board has no %s of channel %d" % (kind, ch))
    pin, rest = _pins[kind, ch]
    if [kind, ch] in _moved:
        _moved.remove([kind, ch])
    if moved:
        _moved.append([kind, ch])
    machine.board.outside[pin] = _LOW + _HIGH - rest if moved else rest


def state():
    return _moved
