"""psycopg 3: libpq, the extended protocol, binary and text; its pipeline mode."""

import os

import psycopg
from lines import COLUMNS, COPY_IN, COPY_OUT, TRIPLE_JOIN, Soon, shown, take
from psycopg.types.json import Jsonb
import values

DRIVER = os.environ["ROWGATE_DRIVER"]
connection = None


def connect():
    global connection
    connection = psycopg.connect("", autocommit=True)
    return one("SHOW server_version_num")


def rows(sql, parameters=None, **options):
    return connection.execute(sql, parameters, **options).fetchall()


def one(sql, parameters=None, **options):
    return rows(sql, parameters, **options)[0][0]


def failure(sql):
    try:
        connection.execute(sql)
    except psycopg.Error as error:
        return error
    raise AssertionError(f"{sql} did not fail")


def parameters():
    given = [
        values.FLAG, values.NUMBER, values.BIG, values.AMOUNT, values.RATIO, values.LABEL, values.DAY, values.AT, values.REF,
        Jsonb(values.DOC), values.BYTES, values.NUMBERS, values.NAMES,
    ]
    # A list of small numbers would be taken for smallint[].
    places = {"numbers": "%s::integer[]"}
    condition = " AND ".join(f"{column} = {places.get(column, '%s')}" for column in COLUMNS)
    text = f"SELECT {', '.join(COLUMNS)} FROM things WHERE {condition}"
    [row] = rows(text, given)
    [binary] = rows(text, given, binary=True)
    assert row == binary, (row, binary)
    return shown(row)


def prepared():
    return [one("SELECT label FROM measures WHERE id = %s", [number], prepare=True) for number in range(2, 21, 2)]


def insert(body):
    connection.execute("INSERT INTO notes (driver, body) VALUES (%s, %s)", [DRIVER, body])


class Undo(Exception):
    pass


def transactions():
    connection.execute("DELETE FROM notes WHERE driver = %s", [DRIVER])
    with connection.transaction(force_rollback=True):
        insert("a")
    with connection.transaction():
        insert("b")
        try:
            with connection.transaction():
                insert("c")
                raise Undo
        except Undo:
            pass
        insert("d")
    return [body for (body,) in rows("SELECT body FROM notes WHERE driver = %s ORDER BY body", [DRIVER])]


def errors():
    connection.autocommit = False
    first = failure("SELECT 1/0")
    second = failure("SELECT 1")
    connection.rollback()
    connection.autocommit = True
    return {
        "sqlstate": first.sqlstate, "message": first.diag.message_primary, "failed": second.sqlstate, "after": one("SELECT 42"),
    }


def refusal():
    try:
        result = {"rows": rows("SELECT ine FROM students WHERE id = %s", [1])}
    except psycopg.Error as error:
        result = {"sqlstate": error.sqlstate, "message": error.diag.message_primary}
    return {**result, "after": one("SELECT 42")}


def cancel():
    timer = Soon(connection.cancel_safe)
    sqlstate = failure(TRIPLE_JOIN).sqlstate
    timer.join()
    return {"sqlstate": sqlstate, "after": one("SELECT 42")}


def cursor():
    with connection.transaction(), connection.cursor(name="all", binary=True) as named:
        named.itersize = 1000
        ids = [number for number, _label in named.execute("SELECT id, label FROM measures ORDER BY id")]
    return {"rows": len(ids), "sum": sum(ids)}


def copy():
    connection.execute("DELETE FROM notes WHERE driver = %s", [DRIVER])
    with connection.cursor() as cursor:
        with cursor.copy(COPY_OUT) as out:
            lines = sum(1 for _row in out.rows())
        with cursor.copy(COPY_OUT + " (FORMAT binary)") as out:
            out.set_types(["int4", "text"])
            binary = sum(1 for _row in out.rows())
        assert lines == binary, (lines, binary)
        with cursor.copy(COPY_IN) as into:
            for number in range(500):
                into.write_row((DRIVER, f"line {number}"))
        with cursor.copy(COPY_IN + " (FORMAT binary)") as into:
            for number in range(500, 1000):
                into.write_row((DRIVER, f"line {number}"))
    copied = one("SELECT count(*) FROM notes WHERE driver = %s", [DRIVER])
    connection.execute("DELETE FROM notes WHERE driver = %s", [DRIVER])
    return {"out": lines, "in": copied}


def among(sql):
    """What becomes of a statement in a pipeline, of one before it, one behind it, and one behind the next Sync."""
    errors = []

    def attempt(work, *arguments):
        # Its error is raised by whatever of the pipeline first hears of it.
        try:
            return work(*arguments)
        except psycopg.Error as error:
            if error.sqlstate:
                errors.append(error.sqlstate)
            return None

    with connection.pipeline() as pipeline:
        before, bad, behind, after = (connection.cursor() for _ in range(4))
        attempt(before.execute, "SELECT 1")
        attempt(pipeline.sync)
        attempt(bad.execute, sql)
        attempt(behind.execute, "SELECT 2")
        attempt(pipeline.sync)
        attempt(after.execute, "SELECT 3")
        attempt(pipeline.sync)
        results = [attempt(cursor.fetchone) for cursor in (before, behind, after)]
    return {"errors": errors, "results": results}


def pipeline():
    """A hundred statements on their way at once; one that fails among others, and one that is refused."""
    with connection.pipeline():
        cursors = [connection.execute("SELECT label FROM measures WHERE id = %s", [number]) for number in range(2, 202, 2)]
        labels = [cursor.fetchone()[0] for cursor in cursors]
    return {
        "labels": [len(labels), labels[0], labels[-1]], "failing": among("SELECT 1/0"),
        "refused": among("SELECT ine FROM students WHERE id = 1"), "after": one("SELECT 42"),
    }


take([
    ("connect", connect), ("typed parameters", parameters), ("prepared statements", prepared), ("transactions", transactions),
    ("errors", errors), ("refusal", refusal), ("cancel", cancel), ("cursor", cursor), ("copy", copy), ("pipeline", pipeline),
])
