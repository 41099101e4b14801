"""Answers the requests on standard input by `person.py`."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent))

from answer import READ, Broken, answer_all, pause
from person import _pool, asking


def families(cursor):
    return " ".join(str(family) for (_, family) in cursor.execute(READ, [0], prepare=True))


def page_of(page, cursor):
    if page == "news":
        return [title for (title,) in cursor.execute("SELECT title FROM news")]
    if page == "breaks":
        cursor.execute("UPDATE pupils SET note = 'half'")
        raise Broken("of the application")
    if page == "commits":
        cursor.execute("COMMIT")
        return [families(cursor)]
    first = families(cursor)
    if page == "fails":
        cursor.execute("SELECT nosuch FROM pupils")
    pause()
    return [first, families(cursor)]


def answer(page, token):
    if page == "outside":
        with _pool.connection() as connection:
            return [families(connection.cursor())]
    with asking(token) as cursor:
        reads = page_of(page, cursor)
    return [families(cursor)] if page == "kept" else reads


answer_all(answer, 4)
_pool.close()
