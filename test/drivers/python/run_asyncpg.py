"""asyncpg: its own protocol code, everything prepared, everything binary."""

import asyncio
import io
import json
import os

import asyncpg
from lines import COLUMNS, TRIPLE_JOIN, shown, take
import values

DRIVER = os.environ["ROWGATE_DRIVER"]
loop = asyncio.new_event_loop()
connection = None


def step(work):
    return lambda: loop.run_until_complete(work())


async def connect():
    global connection
    connection = await asyncpg.connect()
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
    return await connection.fetchval("SHOW server_version_num")


async def failure(sql):
    try:
        await connection.fetch(sql)
    except asyncpg.PostgresError as error:
        return error
    raise AssertionError(f"{sql} did not fail")


async def parameters():
    given = [
        values.FLAG, values.NUMBER, values.BIG, values.AMOUNT, values.RATIO, values.LABEL, values.DAY, values.AT, values.REF,
        values.DOC, values.BYTES, values.NUMBERS, values.NAMES,
    ]
    condition = " AND ".join(f"{column} = ${place}" for place, column in enumerate(COLUMNS, 1))
    row = await connection.fetchrow(f"SELECT {', '.join(COLUMNS)} FROM things WHERE {condition}", *given)
    return shown(row)


async def prepared():
    statement = await connection.prepare("SELECT label FROM measures WHERE id = $1")
    return [await statement.fetchval(number) for number in range(2, 21, 2)]


async def insert(body):
    await connection.execute("INSERT INTO notes (driver, body) VALUES ($1, $2)", DRIVER, body)


async def transactions():
    await connection.execute("DELETE FROM notes WHERE driver = $1", DRIVER)
    outer = connection.transaction()
    await outer.start()
    await insert("a")
    await outer.rollback()
    async with connection.transaction():
        await insert("b")
        inner = connection.transaction()
        await inner.start()
        await insert("c")
        await inner.rollback()
        await insert("d")
    found = await connection.fetch("SELECT body FROM notes WHERE driver = $1 ORDER BY body", DRIVER)
    return [row["body"] for row in found]


async def errors():
    transaction = connection.transaction()
    await transaction.start()
    first = await failure("SELECT 1/0")
    second = await failure("SELECT 1")
    await transaction.rollback()
    return {
        "sqlstate": first.sqlstate, "message": first.message, "failed": second.sqlstate,
        "after": await connection.fetchval("SELECT 42"),
    }


async def refusal():
    try:
        found = await connection.fetch("SELECT ine FROM students WHERE id = 1")
        result = {"rows": [list(row) for row in found]}
    except asyncpg.PostgresError as error:
        result = {"sqlstate": error.sqlstate, "message": error.message}
    return {**result, "after": await connection.fetchval("SELECT 42")}


async def cancel():
    """A timeout cancels the statement at the server, which the driver waits for."""
    try:
        await connection.fetchval(TRIPLE_JOIN, timeout=0.3)
    except asyncio.TimeoutError:
        sqlstate = "57014"
    return {"sqlstate": sqlstate, "after": await connection.fetchval("SELECT 42")}


async def cursor():
    ids = []
    async with connection.transaction():
        async for row in connection.cursor("SELECT id, label FROM measures ORDER BY id", prefetch=1000):
            ids.append(row["id"])
    return {"rows": len(ids), "sum": sum(ids)}


async def copy():
    await connection.execute("DELETE FROM notes WHERE driver = $1", DRIVER)
    out = io.BytesIO()
    await connection.copy_from_query("SELECT id, label FROM measures WHERE id <= $1 ORDER BY id", 1000, output=out)
    await connection.copy_records_to_table(
        "notes", columns=["driver", "body"], records=[(DRIVER, f"line {number}") for number in range(500)]
    )
    lines = "".join(f"{DRIVER}\tline {number}\n" for number in range(500, 1000))
    await connection.copy_to_table("notes", columns=["driver", "body"], source=io.BytesIO(lines.encode()))
    copied = await connection.fetchval("SELECT count(*) FROM notes WHERE driver = $1", DRIVER)
    await connection.execute("DELETE FROM notes WHERE driver = $1", DRIVER)
    return {"out": out.getvalue().count(b"\n"), "in": copied}


take([
    ("connect", step(connect)), ("typed parameters", step(parameters)), ("prepared statements", step(prepared)),
    ("transactions", step(transactions)), ("errors", step(errors)), ("refusal", step(refusal)), ("cancel", step(cancel)),
    ("cursor", step(cursor)), ("copy", step(copy)),
])
