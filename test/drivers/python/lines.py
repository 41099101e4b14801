"""Takes a driver's steps in order and prints a line of JSON for each."""

import json
import sys
import threading
import traceback

COLUMNS = "flag number big amount ratio label day at ref doc bytes numbers names".split()
TRIPLE_JOIN = "SELECT count(*) FROM measures AS a, measures AS b, measures AS c"
COPY_OUT = "COPY (SELECT id, label FROM measures WHERE id <= 1000 ORDER BY id) TO STDOUT"
COPY_IN = "COPY notes (driver, body) FROM STDIN"


class Lacks(Exception):
    """Raised by a step that the driver does not have; says why."""


def take(steps):
    """`steps`: pairs of a step's name and the function that gives its result."""
    for name, work in steps:
        try:
            line = {"step": name, "result": work()}
        except Lacks as lack:
            line = {"step": name, "lacks": str(lack)}
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            line = {"step": name, "failed": f"{type(error).__name__}: {error}"}
        print(json.dumps(line, default=form, sort_keys=True), flush=True)


def shown(row):
    """Of `things`, by column. `big` as text: a reader of JSON may make a double of it."""
    return {column: repr(value) if column == "big" else value for column, value in zip(COLUMNS, row)}


def form(value):
    """The driver's own form of a value: its Python type shows."""
    return bytes(value).hex() if isinstance(value, (bytes, memoryview)) else repr(value)


class Soon:
    """Cancels, from another thread, when the statement that follows has had time to begin; once more where it had not."""

    def __init__(self, cancel):
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, args=[cancel])
        self.thread.start()

    def run(self, cancel):
        patience = 0.3
        while not self.ended.wait(patience):
            cancel()
            patience = 5

    def join(self):
        self.ended.set()
        self.thread.join()
