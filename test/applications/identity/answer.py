"""Answers the requests on standard input by several threads: a line each, `id page token`, and one back, `id code text`."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

READ = "SELECT id, family_id FROM pupils WHERE id > %s"


class Broken(Exception):
    """What goes wrong in the application itself."""


def pause():
    time.sleep(0.005)


def answer_all(answer, threads):
    """`answer(page, token)` gives a list of texts, or fails; token: None where there is none."""

    def line_of(line):
        number, page, token = line.rstrip("\n").split("\t")
        try:
            outcome = ["ok", ",".join(answer(page, token or None))]
        except Broken as error:
            outcome = ["broken", str(error)]
        except Exception as error:
            outcome = [state_of(error), str(error)]
        return "\t".join([number, *outcome]).replace("\n", " ")

    with ThreadPoolExecutor(threads) as pool:
        for line in pool.map(line_of, sys.stdin.readlines()):
            print(line, flush=True)


def state_of(error):
    """SQLSTATE of it or of what it wraps; else its name."""
    for each in (error, error.__cause__, getattr(error, "orig", None)):
        if getattr(each, "sqlstate", None):
            return each.sqlstate
    return type(error).__name__
