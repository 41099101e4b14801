# psycopg 3: each connection is handed out with the token of its request.
from contextlib import contextmanager
from psycopg_pool import ConnectionPool

_pool = ConnectionPool(min_size=2, max_size=2, open=True)


@contextmanager
def asking(token):
    """A cursor in a transaction of the token's end user; None: of none. It is closed with the transaction."""
    with _pool.connection() as connection, connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('rowgate.token', %s, true)", [token])
        yield cursor
