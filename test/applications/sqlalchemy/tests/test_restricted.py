"""What the application's role cannot do: another school's rows, masked and withheld columns, what it was not granted. Through Rowgate alone."""

import datetime
import uuid

import pytest
from school.models import Absence, Class, Club, Mark, Note, Room, School, Staff, Student
from sqlalchemy import MetaData, Table, delete, func, insert, inspect, literal_column, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import DBAPIError, NoSuchTableError

# Of the second school.
THEIRS = 32
DAY = datetime.date(2026, 11, 2)


@pytest.fixture
def refused(session):
    """Runs a statement, or a function, and gives the message of the error, whose SQLSTATE is the given one."""

    def run(what, sqlstate="42501"):
        with pytest.raises(DBAPIError) as caught, session.begin_nested():
            what() if callable(what) else session.execute(text(what) if isinstance(what, str) else what)
        assert (getattr(caught.value.orig, "sqlstate", None) or caught.value.orig.pgcode) == sqlstate
        return str(caught.value.orig)

    return run


def test_rows_do_not_exist(session):
    assert session.get(Student, THEIRS) is None
    for model in (School, Class, Club, Room, Staff, Mark):
        assert session.get(model, 2) is None, model
    assert session.get(Note, uuid.UUID(int=2)) is None
    assert session.scalar(text("SELECT count(*) FROM students WHERE id % 10 = 2")) == 0
    assert session.scalar(text("SELECT sum(size) FROM class_sizes")) == 30


def test_rows_stay(session):
    assert session.execute(update(Student).where(Student.id == THEIRS).values(first_name="x")).rowcount == 0
    assert session.execute(delete(Mark).where(Mark.student_id == THEIRS)).rowcount == 0


def test_row_cannot_be_moved_out(session, refused):
    student = session.get(Student, 31)

    def move():
        student.school_id = 2
        session.flush()

    assert 'new row violates row-level security policy for table "students"' in refused(move)
    refused(update(Student).where(Student.id == 31).values(class_id=2))
    refused(insert(Student).values(first_name="a", last_name="b", school_id=2))
    refused(insert(Mark).values([{"student_id": 31, "subject": "a"}, {"student_id": THEIRS, "subject": "a"}]))
    refused(text("INSERT INTO student_clubs VALUES (31, 2)"))
    refused(upsert(Absence).values(student_id=THEIRS, day=DAY).on_conflict_do_nothing())


def test_upsert_onto_a_hidden_row(refused):
    statement = upsert(Absence).values(student_id=THEIRS, day=datetime.date(2026, 9, 1))
    refused(statement.on_conflict_do_update(index_elements=["student_id", "day"], set_={"justified": "x"}))


def test_masked_column(session, refused):
    assert session.get(Student, 31).ine == "00*********"
    assert session.scalars(select(Student).where(Student.ine == "0000000031A")).all() == []
    refused(update(Student).values(ine="x"))


def test_what_was_not_granted_is_not_reflected(engine):
    inspector = inspect(engine)
    assert "medical" not in inspector.get_table_names()
    assert not {"address", "salary"} & {column["name"] for table in ("students", "staff") for column in inspector.get_columns(table)}
    with pytest.raises(NoSuchTableError):
        Table("medical", MetaData(), autoload_with=engine)


def test_what_was_granted_is_reflected_whole(engine):
    metadata = MetaData()
    metadata.reflect(engine, views=True)
    assert {"students", "marks"} <= set(metadata.tables)
    inspector = inspect(engine)
    assert inspector.get_pk_constraint("students")["constrained_columns"] == ["id"]
    assert [enum["name"] for enum in inspector.get_enums()] == ["sex"]
    assert "ix_students_school_id" in {index["name"] for index in inspector.get_indexes("students")}
    assert "students" in {key["referred_table"] for key in inspector.get_foreign_keys("marks")}


def test_what_was_not_granted_is_refused(refused):
    assert 'permission denied for column "address" of relation "students"' in refused("SELECT address FROM students")
    refused("SELECT salary FROM staff")
    refused("SELECT * FROM medical")
    refused("DELETE FROM rooms")
    refused("UPDATE marks SET id = 1")


def test_collecting(refused):
    refused(select(func.string_agg(Student.last_name, ", ")))
    refused(select(func.array_agg(Student.id)).group_by(Student.class_id))
    refused(select(func.json_agg(Student.meta)))
    refused(select(func.percentile_cont(0.5).within_group(Mark.mark)))


def test_writes_in_with(refused):
    """`changed_per_statement` is held against the command's tag, which does not count them."""
    changed = update(Mark).where(Mark.id == 41).values(mark=1).returning(Mark.student_id).cte("changed")
    refused(select(Student.id).join(changed, changed.c.student_id == Student.id), "0A000")


def test_sequences(refused, driver):
    if driver != "psycopg2":
        # A parameter: psycopg2 writes it into the text, where it is a constant.
        refused(select(func.nextval("students_id_seq")))
    refused(select(func.nextval(literal_column("'medical_student_id_seq'"))))


def test_definitions(refused):
    for sql in ("CREATE TABLE a ()", "TRUNCATE students", "CREATE TEMP TABLE a (b int)", "ALTER TABLE students ADD x int", "DROP VIEW class_sizes"):
        refused(sql)


def test_too_many_rows(refused):
    refused("SELECT a.id FROM students a, students b", "53400")
