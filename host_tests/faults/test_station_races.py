"""Several processes of one station at once, really killed ones among them, and a PostgreSQL that
is restarted under load: every sale once, every reading once, a ledger that is balanced.
"""

import random
import threading
from collections import Counter

import pytest
import sqlalchemy as sa

import race_kit
from postgres_kit import new_on, new_postgres, server
from race_kit import AGENT, BATCH, PRICE_U, process, sell_one, told
from station_kit import NOW_S
from umeter_station import ledger, ledger_check, models
from umeter_station.desk import agents
from umeter_station.errors import Unavailable

KEYS = [f"key{n}" for n in range(60)]
ROOM = 40  # sales, until the agent's ceiling
KILLS = 3


# The one that can really have two at once.
@pytest.fixture(params=["postgresql", pytest.param("sqlite", marks=pytest.mark.slow)])
def db(request, tmp_path):
    db = new_on(request.param, tmp_path)
    _allow(db, 1_000_000)
    yield db
    db.close()


def _allow(db, most):
    with db.write() as conn:
        agents.set_terms(conn, AGENT, most * PRICE_U, 0, "system", NOW_S)


def _where(db):
    return str(db.path) if db.is_sqlite else db.url


def _purchases(db):
    """{key: how many}; the books are right."""
    with db.read() as conn:
        assert ledger_check.check(conn) == []
        assert ledger_check.imbalance_u(conn) == 0
        keys = Counter(conn.execute(sa.select(models.purchases.c.key)).scalars())
        debt_u = -ledger.balance_u(conn, ledger.agent(AGENT))
    assert set(keys.values()) == {1} and debt_u == len(keys) * PRICE_U
    return set(keys)


def _readings(db):
    with db.read() as conn:
        return conn.execute(sa.select(models.readings.c.seq)).scalars().all()


def test_two_workers_race_for_the_same_keys_up_to_a_ceiling(db):
    _allow(db, ROOM)
    with (
        process(race_kit.race, _where(db), KEYS, 4, 1) as (_, one),
        process(race_kit.race, _where(db), KEYS, 4, 2) as (_, two),
    ):
        for pipe in (one, two):
            assert pipe.recv() == "ready"
        for pipe in (one, two):
            pipe.send("go")
        answers = one.recv() + two.recv()
    # To each key one answer, whoever asked: its purchase, or that the agent has no room left.
    answer_to = dict(answers)
    assert set(answers) == set(answer_to.items()) and len(answers) == 8 * len(KEYS)
    sold = {key for key, answer in answers if isinstance(answer, int)}
    assert len(sold) == ROOM and _purchases(db) == sold
    assert len({answer for answer in answer_to.values() if isinstance(answer, str)}) == 1


def test_a_process_that_is_killed_while_it_sells(db):
    chance, answered = random.Random(1), set()
    for number in range(KILLS):
        with process(race_kit.sell_on, _where(db), f"run{number}-") as (running, pipe):
            said = [pipe.recv() for _ in range(chance.randrange(5, 25))]
            running.kill()
            said += told(pipe)
        answered |= {key for what, key in said if what == "done"}
        for key in [key for what, key in said if what == "asked"][-2:]:
            # Whoever had no answer asks again.
            sell_one(db, key, ch=1 + int(key.split("-")[1]) % 3)
            answered.add(key)
    assert _purchases(db) == answered


def test_a_process_that_is_killed_while_it_stores(db):
    chance, stored = random.Random(2), 0
    for _ in range(KILLS):
        with process(race_kit.store_on, _where(db), stored) as (running, pipe):
            said = [pipe.recv() for _ in range(chance.randrange(2, 8))]
            running.kill()
            said += told(pipe)
        assert said == list(range(stored, said[-1] + 1))
        # What was not acknowledged is delivered again; here, so is what was.
        race_kit.store(db, said[-1])
        race_kit.store(db, said[-1] + 1)
        stored = said[-1] + 2
    assert sorted(_readings(db)) == list(range(1, stored * BATCH + 1))


def test_a_database_that_is_restarted_under_load():
    db = new_postgres()
    _allow(db, 1_000_000)
    waited, progress = Counter(), threading.Semaphore(0)

    def until_it_is_done(what, do, *arguments):
        while True:
            try:
                do(db, *arguments)
                progress.release()
                return
            except Unavailable as error:
                assert "try again later" in str(error)
                waited[what] += 1
                threading.Event().wait(0.01)

    def sell_all(keys):
        for key in keys:
            until_it_is_done("sale", sell_one, key)

    def store_all():
        for number in range(20):
            until_it_is_done("batch", race_kit.store, number)

    threads = [threading.Thread(target=sell_all, args=(KEYS[n::3],)) for n in range(3)]
    threads.append(threading.Thread(target=store_all))
    for thread in threads:
        thread.start()
    for end in (server().stop, server().kill):
        for _ in range(20):
            assert progress.acquire(timeout=60)
        end()
        server().start()
    for thread in threads:
        thread.join()
    assert _purchases(db) == set(KEYS)
    assert sorted(_readings(db)) == list(range(1, 20 * BATCH + 1))
    assert waited["sale"] and waited["batch"]
    db.close()
