"""SQLAlchemy on psycopg2: Core, the ORM, and the reflection of tables."""

import os

import sqlalchemy as sa
from lines import COLUMNS, TRIPLE_JOIN, Lacks, Soon, shown, take
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column
import values

DRIVER = os.environ["ROWGATE_DRIVER"]
engine = sa.create_engine("postgresql+psycopg2://", pool_size=1, max_overflow=0)
metadata = sa.MetaData()


class Base(DeclarativeBase):
    pass


class Note(Base):
    """The table has no key of its own; the ORM wants one."""

    __tablename__ = "notes"
    driver = mapped_column(sa.Text, primary_key=True)
    body = mapped_column(sa.Text, primary_key=True)


def scalar(statement, *parameters):
    with engine.connect() as connection:
        return connection.execute(statement, *parameters).scalar_one()


def connect():
    return scalar(sa.text("SHOW server_version_num"))


def failure(connection, sql):
    try:
        connection.execute(sa.text(sql))
    except sa.exc.DBAPIError as error:
        return error.orig
    raise AssertionError(f"{sql} did not fail")


def parameters():
    things = sa.Table("things", metadata, autoload_with=engine)
    given = [
        values.FLAG, values.NUMBER, values.BIG, values.AMOUNT, values.RATIO, values.LABEL, values.DAY, values.AT, values.REF,
        values.DOC, values.BYTES, values.NUMBERS, values.NAMES,
    ]
    columns = [things.c[name] for name in COLUMNS]
    conditions = [column == value for column, value in zip(columns, given)]
    with engine.connect() as connection:
        row = connection.execute(sa.select(*columns).where(*conditions)).one()
    return shown(row)


def prepared():
    raise Lacks("psycopg2 beneath it does not prepare")


def transactions():
    with Session(engine) as session:
        session.execute(sa.delete(Note).where(Note.driver == DRIVER))
        session.commit()
        session.add(Note(driver=DRIVER, body="a"))
        session.flush()
        session.rollback()
        session.add(Note(driver=DRIVER, body="b"))
        savepoint = session.begin_nested()
        session.add(Note(driver=DRIVER, body="c"))
        session.flush()
        savepoint.rollback()
        session.add(Note(driver=DRIVER, body="d"))
        session.commit()
        return list(session.scalars(sa.select(Note.body).where(Note.driver == DRIVER).order_by(Note.body)))


def errors():
    with engine.connect() as connection:
        first = failure(connection, "SELECT 1/0")
        second = failure(connection, "SELECT 1")
        connection.rollback()
        after = connection.execute(sa.text("SELECT 42")).scalar_one()
    return {"sqlstate": first.pgcode, "message": first.diag.message_primary, "failed": second.pgcode, "after": after}


def refusal():
    with engine.connect() as connection:
        try:
            found = connection.execute(sa.text("SELECT ine FROM students WHERE id = :id"), {"id": 1})
            result = {"rows": [list(row) for row in found]}
        except sa.exc.ProgrammingError as error:
            result = {"sqlstate": error.orig.pgcode, "message": error.orig.diag.message_primary}
        connection.rollback()
        return {**result, "after": connection.execute(sa.text("SELECT 42")).scalar_one()}


def cancel():
    with engine.connect() as connection:
        timer = Soon(connection.connection.driver_connection.cancel)
        sqlstate = failure(connection, TRIPLE_JOIN).pgcode
        timer.join()
        connection.rollback()
        return {"sqlstate": sqlstate, "after": connection.execute(sa.text("SELECT 42")).scalar_one()}


def cursor():
    with engine.connect().execution_options(yield_per=1000) as connection:
        found = connection.execute(sa.text("SELECT id, label FROM measures ORDER BY id"))
        ids = [number for number, _label in found]
    return {"rows": len(ids), "sum": sum(ids)}


def copy():
    raise Lacks("through the driver beneath it")


def reflection():
    """What the inspector finds: of a restricted role, the tables and columns that it was granted."""
    inspector = sa.inspect(engine)
    classes = sa.Table("classes", metadata, autoload_with=engine)
    students = metadata.tables.get("students")
    if students is None:
        students = sa.Table("students", metadata, autoload_with=engine)
    with engine.connect() as connection:
        joined = sa.select(classes.c.name).join(students, students.c.class_id == classes.c.id).where(students.c.id == 1001)
        named = connection.execute(joined).scalar_one()
    return {
        "tables": sorted(inspector.get_table_names()),
        "columns": {
            name: [f"{column['name']} {column['type']}" for column in inspector.get_columns(name)]
            for name in ("students", "classes", "notes")
        },
        "primary key": inspector.get_pk_constraint("students")["constrained_columns"],
        "foreign keys": sorted(key["referred_table"] for key in inspector.get_foreign_keys("students")),
        "join": named,
    }


take([
    ("connect", connect), ("typed parameters", parameters), ("prepared statements", prepared), ("transactions", transactions),
    ("errors", errors), ("refusal", refusal), ("cancel", cancel), ("cursor", cursor), ("copy", copy), ("reflection", reflection),
])
