"""A process of the station that ends at any chosen step of what it does with the database."""

from contextlib import contextmanager

from sqlalchemy import event


class Killed(BaseException):
    """Stands for the end of the process: nobody catches it."""


@contextmanager
def killed_at_step(db, number):
    """The process dies just before its `number`th step (from 0): a statement, or the commit.
    Yields a list that holds every step that was begun."""
    begun = []

    def step(name):
        if len(begun) == number:
            raise Killed(name)
        begun.append(name)

    def before_statement(_conn, _cursor, statement, *_):
        step(statement)

    def before_commit(_conn):
        step("COMMIT")

    event.listen(db.engine, "before_cursor_execute", before_statement)
    event.listen(db.engine, "commit", before_commit)
    try:
        yield begun
    finally:
        event.remove(db.engine, "before_cursor_execute", before_statement)
        event.remove(db.engine, "commit", before_commit)
