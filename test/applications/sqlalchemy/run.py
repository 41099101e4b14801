"""The application's commands: `migrate`, `seed SCHOOL…`, and `test DRIVER`, which prints each test's outcome as JSON."""

import asyncio
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))

import pytest
from database import engine_for
from school import schema
from sqlalchemy.util import greenlet_spawn


class Outcomes:
    """Remembers the outcome of each test by its name."""

    def __init__(self):
        self.by_name = {}

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.by_name[report.nodeid] = report.longreprtext
        elif report.when == "call" or report.skipped:
            self.by_name.setdefault(report.nodeid, report.outcome)


def run_tests(driver, *words):
    outcomes = Outcomes()
    arguments = ["-q", "--no-header", "-p", "no:cacheprovider", f"--rootdir={HERE}", "--driver", driver, *(words or [str(HERE / "tests")])]
    if driver == "asyncpg":
        # Everything below calls as if it were synchronous, and waits by switching to this loop.
        asyncio.run(greenlet_spawn(pytest.main, arguments, [outcomes]))
    else:
        pytest.main(arguments, [outcomes])
    print(json.dumps(outcomes.by_name))


command, *words = sys.argv[1:]
if command == "test":
    run_tests(*words)
else:
    with engine_for("psycopg2").begin() as connection:
        if command == "migrate":
            schema.migrate(connection)
        elif command == "seed":
            for school in words:
                schema.seed(connection, int(school))
            schema.set_sequences(connection)
        else:
            sys.exit(f"unknown command {command}")
