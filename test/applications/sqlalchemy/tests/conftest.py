"""A session for each test, in a transaction that is undone; what a test commits is a savepoint."""

import os

import pytest
from database import engine_for
from school.models import Reflected
from sqlalchemy.orm import Session


def pytest_addoption(parser):
    parser.addoption("--driver", default="psycopg")


def pytest_collection_modifyitems(items):
    for item in items:
        if "test_restricted" in item.nodeid and os.environ.get("RESTRICTED") != "yes":
            item.add_marker(pytest.mark.skip(reason="for the restricted role"))


@pytest.fixture(scope="session")
def driver(request):
    return request.config.getoption("--driver")


@pytest.fixture(scope="session")
def engine(driver):
    engine = engine_for(driver)
    Reflected.prepare(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine):
    with engine.connect() as connection:
        transaction = connection.begin()
        yield connection
        transaction.rollback()


@pytest.fixture
def session(connection):
    with Session(connection, join_transaction_mode="create_savepoint") as session:
        yield session
