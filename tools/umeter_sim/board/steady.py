"""What the meter's steady tick takes from the heap: only MicroPython can tell."""

import gc

import micropython


def measure(app, world, ticks):
    """Two runs of `ticks` ticks: bytes allocated in the first; refused allocations in the second,
    under a locked heap.

    The world moves between the ticks, outside of what is measured. The journal is committed
    before each run, so that a
    small load has no commit, the one thing that may allocate, fall into it.
    """
    app.meter.commit()
    taken = 0
    for _ in range(ticks):
        world.advance(100)
        before = gc.mem_alloc()
        app.turn()
        taken += gc.mem_alloc() - before
    app.meter.commit()
    refused = 0
    for _ in range(ticks):
        world.advance(100)
        refused += _locked(app.turn)
    return {"ticks": 2 * ticks, "bytes": taken, "refused": refused}


def _locked(turn):
    micropython.heap_lock()
    try:
        turn()
        return 0
    except MemoryError:
        return 1
    finally:
        micropython.heap_unlock()
