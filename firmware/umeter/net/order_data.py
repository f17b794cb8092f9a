"""Orders that only look: they change nothing."""

from binascii import b2a_base64

from micropython import const

from umeter.net.order_kit import APPLIED, LARGEST_N, NOT_NOW, Refused, integer, word

_MOST_EVENTS = const(16)  # an answer has some 2 KiB
_MOST_INTERVALS = const(32)
_LONGEST_ERROR = const(120)


def read(run):
    """A reading, taken after the commit."""
    from umeter.net.reading import reading

    meter = run.meter

    def then():
        meter.settle()
        run.answer["reading"] = reading(meter, run.clock)

    run.then = then
    return APPLIED


def status(run):
    """All there is to tell about a channel's account, and how often its contact has moved."""
    from umeter.core import account_status
    from umeter.core.book import Book
    from umeter.core.tell import moves

    meter = run.meter
    channel = run.channel
    told = account_status.status(meter, meter.settings.open(), channel, Book(meter, channel))
    run.answer["account"] = told
    run.answer["operations"] = moves(meter)[channel.index]
    return APPLIED


def link(run):
    """How the link has fared since the boot. None where there is no session."""
    commands = run.commands
    session = commands.session
    told = {"forged": commands.forged, "unnumbered": commands.unnumbered}
    for name in "sessions failures discards oversize broker".split():
        told[name] = getattr(session, name, None)
    if session is not None:
        told["error"] = session.last_error[:_LONGEST_ERROR]
        told["time"] = session.about["time"]
        told["tls"] = session.about["tls"]
    run.answer["link"] = told
    return APPLIED


def history(run):
    """Records of a log, as they lie in flash."""
    meter = run.meter
    answer = run.answer
    what = word(run.order, "what", ("events", "profile"))
    if what == "events":
        log = meter.events.audit
        most = _MOST_EVENTS
    else:
        log = meter.profile
        most = _MOST_INTERVALS
    first = integer(run.order, "from", 1, LARGEST_N)
    count = integer(run.order, "count", 1, most)
    if log is None:
        raise Refused(NOT_NOW, "this board has no partition for a log")
    from umeter.core import ring_read

    records, answer["next"] = ring_read.copy(log.ring, first, count)
    answer["oldest"] = ring_read.oldest(log.ring)
    answer["what"] = what
    answer["from"] = first
    answer["newest"] = log.ring.newest
    answer["records"] = b2a_base64(records).decode().strip()
    return APPLIED
