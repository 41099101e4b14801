"""An application whose key lies in a token: three connections at once, prepared statements, a transaction. Prints what it read."""
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import psycopg


def work(number):
    with psycopg.connect(sys.argv[1], connect_timeout=10) as connection:
        for _ in range(6):
            row = connection.execute("SELECT %s::int * 2, current_user", (number,), prepare=True).fetchone()
        return row[0]


# The engine is loaded by the first connection, and not made to be loaded by several at once.
work(0)
with ThreadPoolExecutor(3) as pool:
    print(sum(pool.map(work, range(1, 4))), flush=True)
# Nor is it made to be taken down behind its module, as Python's end would.
os._exit(0)
