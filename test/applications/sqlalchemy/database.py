"""Connects as libpq's variables say, by one of three drivers."""

import os

from sqlalchemy import URL, create_engine
from sqlalchemy.ext.asyncio import create_async_engine


def engine_for(driver):
    url = URL.create(
        f"postgresql+{driver}", os.environ["PGUSER"], os.environ["PGPASSWORD"], os.environ["PGHOST"], int(os.environ["PGPORT"]), os.environ["PGDATABASE"]
    )
    if driver == "asyncpg":
        return create_async_engine(url).sync_engine
    return create_engine(url, pool_pre_ping=True)
