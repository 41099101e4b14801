# SQLAlchemy 2: every transaction of the engine begins by saying whose it is.
from sqlalchemy import create_engine, event
from sqlalchemy.orm import Session

# Errors show parameters otherwise, and the token is one.
engine = create_engine("postgresql+psycopg://", pool_size=2, max_overflow=0, hide_parameters=True)


@event.listens_for(engine, "begin")
def set_token(connection):
    token = connection.get_execution_options().get("token")
    connection.exec_driver_sql("SELECT set_config('rowgate.token', %s, true)", (token,))


def session_of(token):
    """A session whose transactions are the token's end user's; None: of none."""
    return Session(engine.execution_options(token=token))
