"""What the station's processes do while a test lets them race or kills them; each opens the
database anew. They tell of it through `pipe`.
"""

import itertools
import multiprocessing
import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from station_kit import NOW_S, STATION_KEY, FixedClock, reading, uplink
from umeter_station import db as databases
from umeter_station import ledger
from umeter_station.desk import sales
from umeter_station.errors import StationError
from umeter_station.inbox import Inbox
from umeter_station.secrets import Safe

AGENT = "corner"
PRICE_U = 1_000_000
BATCH = 20
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([__name__])


@contextmanager
def process(work, *arguments):
    """Yields (process, the end of its pipe to read from); it is killed at the end."""
    ours, theirs = _context.Pipe()
    running = _context.Process(target=work, args=(*arguments, theirs), daemon=True)
    running.start()
    theirs.close()
    try:
        yield running, ours
    finally:
        running.kill()
        running.join()


def told(pipe):
    """All that a process said before it ended."""
    said = []
    try:
        while True:
            said.append(pipe.recv())
    except (EOFError, OSError):
        return said


def opened(where):
    db = databases.open_database(where)
    db.unlock(Safe(STATION_KEY))
    return db


def sell_one(db, key, ch=3):
    with db.write() as conn:
        more = {"way": "agent", "paid_from": ledger.agent(AGENT), "by": "system", "now_s": NOW_S}
        return sales.sell(conn, meter="m1", ch=ch, paid_u=PRICE_U, key=key, **more)


def batch(number):
    """The readings that come as the `number`th delivery, from 0."""
    first = number * BATCH + 1
    return [
        uplink("reading", reading(seq=seq, channels=4, t=NOW_S + seq))
        for seq in range(first, first + BATCH)
    ]


def store(db, number):
    with db.write() as conn:
        Inbox(FixedClock.tolerance_s).store(conn, batch(number), NOW_S)


def race(where, keys, threads, seed, pipe):
    """Every thread sells every key, each in an order of its own; tells (key, purchase id)."""
    db = opened(where)

    def sell_all(number):
        sold = []
        for key in random.Random(f"{seed}/{number}").sample(keys, len(keys)):
            try:
                sold.append((key, sell_one(db, key).purchase.id))
            except StationError as error:
                sold.append((key, str(error)))
        return sold

    pipe.send("ready")
    pipe.recv()
    with ThreadPoolExecutor(threads) as pool:
        pipe.send(list(itertools.chain(*pool.map(sell_all, range(threads)))))


def sell_on(where, prefix, pipe):
    """Sell until killed; tells each key before and after its sale."""
    db = opened(where)
    for number in itertools.count():
        pipe.send(("asked", f"{prefix}{number}"))
        sell_one(db, f"{prefix}{number}", ch=1 + number % 3)
        pipe.send(("done", f"{prefix}{number}"))


def store_on(where, first, pipe):
    """Store batches until killed; tells the number of each when it is stored."""
    db = opened(where)
    for number in itertools.count(first):
        store(db, number)
        pipe.send(number)
