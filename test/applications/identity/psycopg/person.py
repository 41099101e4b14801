# psycopg 3: nothing gets a connection but with the token of whoever asks.
from contextlib import contextmanager
from psycopg_pool import ConnectionPool

_pool = ConnectionPool(min_size=2, max_size=2, open=True)


@contextmanager
def asking(token):
    """A cursor in a transaction of the token's person; None: of nobody. It is closed with the transaction."""
    with _pool.connection() as connection, connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('rowgate.token', %s, true)", [token])
        yield cursor
