"""Answers the requests on standard input by `person.py`."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent))

from answer import Broken, answer_all, pause
from person import engine, session_of
from sqlalchemy import BigInteger, Text, select, text, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Pupil(Base):
    __tablename__ = "pupils"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    family_id: Mapped[int] = mapped_column(BigInteger)
    note: Mapped[str | None] = mapped_column(Text)


def families(session):
    return " ".join(str(pupil.family_id) for pupil in session.scalars(select(Pupil).where(Pupil.id > 0)))


def page_of(page, session):
    if page == "news":
        return list(session.scalars(text("SELECT title FROM news")))
    if page == "breaks":
        session.execute(update(Pupil).values(note="half"))
        raise Broken("of the application")
    if page == "commits":
        session.execute(text("COMMIT"))
        return [families(session)]
    first = families(session)
    if page == "fails":
        session.execute(text("SELECT nosuch FROM pupils"))
    pause()
    return [first, families(session)]


def answer(page, token):
    if page == "outside":
        with Session(engine.execution_options(token=token, isolation_level="AUTOCOMMIT")) as session:
            return [families(session)]
    with session_of(token) as session:
        reads = page_of(page, session)
    if page != "kept":
        return reads
    # A closed session begins a new transaction.
    with session:
        return [families(session)]


answer_all(answer, 4)
