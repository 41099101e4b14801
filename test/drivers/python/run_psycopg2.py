"""psycopg2: libpq, simple queries with the parameters written into the text."""

import io
import os

import psycopg2
import psycopg2.extras
from lines import COLUMNS, COPY_IN, COPY_OUT, TRIPLE_JOIN, Soon, shown, take
import values

DRIVER = os.environ["ROWGATE_DRIVER"]
connection = None


def connect():
    global connection
    connection = psycopg2.connect("")
    psycopg2.extras.register_uuid(None, connection)
    connection.autocommit = True
    return rows("SHOW server_version_num")[0][0]


def rows(sql, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def run(sql, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def failure(sql):
    try:
        run(sql)
    except psycopg2.Error as error:
        return error
    raise AssertionError(f"{sql} did not fail")


def parameters():
    given = [
        values.FLAG, values.NUMBER, values.BIG, values.AMOUNT, values.RATIO, values.LABEL, values.DAY, values.AT, values.REF,
        psycopg2.extras.Json(values.DOC), psycopg2.Binary(values.BYTES), values.NUMBERS, values.NAMES,
    ]
    condition = " AND ".join(f"{column} = %s" for column in COLUMNS)
    [row] = rows(f"SELECT {', '.join(COLUMNS)} FROM things WHERE {condition}", given)
    return shown(row)


def prepared():
    run("PREPARE one (integer) AS SELECT label FROM measures WHERE id = $1")
    labels = [rows("EXECUTE one (%s)", [number])[0][0] for number in range(2, 21, 2)]
    run("DEALLOCATE one")
    return labels


def insert(body):
    run("INSERT INTO notes (driver, body) VALUES (%s, %s)", [DRIVER, body])


def transactions():
    run("DELETE FROM notes WHERE driver = %s", [DRIVER])
    connection.autocommit = False
    insert("a")
    connection.rollback()
    insert("b")
    run("SAVEPOINT s")
    insert("c")
    run("ROLLBACK TO SAVEPOINT s")
    insert("d")
    connection.commit()
    connection.autocommit = True
    return [body for (body,) in rows("SELECT body FROM notes WHERE driver = %s ORDER BY body", [DRIVER])]


def errors():
    connection.autocommit = False
    first = failure("SELECT 1/0")
    second = failure("SELECT 1")
    connection.rollback()
    connection.autocommit = True
    return {
        "sqlstate": first.pgcode, "message": first.diag.message_primary, "failed": second.pgcode, "after": rows("SELECT 42")[0][0],
    }


def refusal():
    try:
        result = {"rows": rows("SELECT ine FROM students WHERE id = 1")}
    except psycopg2.Error as error:
        result = {"sqlstate": error.pgcode, "message": error.diag.message_primary}
    return {**result, "after": rows("SELECT 42")[0][0]}


def cancel():
    timer = Soon(connection.cancel)
    sqlstate = failure(TRIPLE_JOIN).pgcode
    timer.join()
    return {"sqlstate": sqlstate, "after": rows("SELECT 42")[0][0]}


def cursor():
    connection.autocommit = False
    with connection.cursor(name="all") as named:
        named.itersize = 1000
        named.execute("SELECT id, label FROM measures ORDER BY id")
        ids = [number for number, _label in named]
    connection.commit()
    connection.autocommit = True
    return {"rows": len(ids), "sum": sum(ids)}


def copy():
    run("DELETE FROM notes WHERE driver = %s", [DRIVER])
    out = io.StringIO()
    lines = io.StringIO("".join(f"{DRIVER}\tline {number}\n" for number in range(1000)))
    with connection.cursor() as cursor:
        cursor.copy_expert(COPY_OUT, out)
        cursor.copy_expert(COPY_IN, lines)
    copied = rows("SELECT count(*) FROM notes WHERE driver = %s", [DRIVER])[0][0]
    run("DELETE FROM notes WHERE driver = %s", [DRIVER])
    return {"out": out.getvalue().count("\n"), "in": copied}


take([
    ("connect", connect), ("typed parameters", parameters), ("prepared statements", prepared), ("transactions", transactions),
    ("errors", errors), ("refusal", refusal), ("cancel", cancel), ("cursor", cursor), ("copy", copy),
])
