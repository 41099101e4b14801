"""pandas through SQLAlchemy: what it reads into frames, and what it writes. Takes the URL; prints each step as a line of JSON."""

import json
import sys

import pandas as pd
import sqlalchemy as sa

engine = sa.create_engine(sys.argv[1], pool_size=1, max_overflow=0)
tasks = pd.DataFrame({"title": ["a", "b", "c"], "class_id": [1, 1, 2], "due": pd.to_datetime(["2026-12-01"] * 3).date})


def shown(frame):
    return {"types": [str(kind) for kind in frame.dtypes], "rows": json.loads(frame.to_json(orient="split", date_format="iso"))}


def read(sql, **more):
    return shown(pd.read_sql(sql, engine, **more))


def written(**more):
    with engine.begin() as connection:
        return tasks.to_sql("tasks", connection, index=False, **more)


steps = {
    "read_sql": lambda: read("SELECT id, first_name, birth_date FROM students ORDER BY id LIMIT 5"),
    "read_sql, with parameters": lambda: read(
        sa.text("SELECT id, name FROM classes WHERE level = :level ORDER BY id"), params={"level": "2de"}, index_col="id"
    ),
    "read_sql, in chunks": lambda: [
        len(frame) for frame in pd.read_sql("SELECT id, mark FROM grades ORDER BY id LIMIT 250", engine, chunksize=100)
    ],
    "read_sql, of dates": lambda: read("SELECT day FROM absences ORDER BY id LIMIT 3", parse_dates=["day"]),
    "read_sql_table": lambda: shown(pd.read_sql_table("schools", engine, index_col="id").sort_index()),
    "read_sql_table, some columns": lambda: shown(
        pd.read_sql_table("students", engine, columns=["id", "first_name"]).sort_values("id", ignore_index=True).head(3)
    ),
    "read_sql of a name": lambda: read("academies"),
    "to_sql, append": lambda: written(if_exists="append"),
    "to_sql, append, many": lambda: written(if_exists="append", method="multi", chunksize=2),
    "what was written": lambda: read("SELECT title, class_id, due, stage::text FROM tasks ORDER BY id"),
    "to_sql, fail": lambda: written(if_exists="fail"),
    "to_sql, replace": lambda: written(if_exists="replace"),
    "to_sql, another table": lambda: tasks.to_sql("others", engine, index=False),
}

for step, run in steps.items():
    try:
        outcome = {"result": run()}
    except sa.exc.DBAPIError as error:
        outcome = {"error": getattr(error.orig, "sqlstate", None) or error.orig.pgcode}
    except ValueError as error:
        outcome = {"error": str(error)}
    print(json.dumps({"step": step, **outcome}))
