"""Papers in the reader's language; a receipt printer has Latin letters only and stays English."""

from dataclasses import replace

from umeter_station.desk import writing
from umeter_station.desk.writing import Writing
from umeter_station.station import Books
from umeter_station.web import language, sentences


def written(books: Books, form: str = "html") -> Writing:
    """`form`: html or escpos, as it will be answered."""
    own = writing.of(books.config)
    if form != "html":
        return own
    speaks = language.current()
    code = speaks.code.replace("_", "-")
    return replace(own, lang=code, say=speaks.gettext, tell=sentences.say)
