"""What the application writes: flushes, versions, bulk statements, savepoints."""

import datetime

import pytest
from school.models import Absence, Class, Club, Mark, Note, Student, StudentClub
from sqlalchemy import Integer, Sequence, Text, column, delete, event, func, insert, literal, select, text, update, values
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

DAY = datetime.date(2026, 11, 2)
# Of INSERT SQLAlchemy keeps the number only where it is asked to.
COUNTED = {"preserve_rowcount": True}


@pytest.fixture
def ada(session):
    student = Student(first_name="Ada", last_name="Byron", class_id=1, sex="girl", tags=["bus"], meta={"a": [1]}, ine="1234567890A")
    session.add(student)
    session.flush()
    return student


def test_insert_fetches_defaults(session, ada):
    assert (ada.id > 301, ada.school_id, ada.version, ada.created.tzinfo is not None) == (True, 1, 1, True)


def test_many_rows_in_one_statement(session):
    made = [Student(first_name=f"n{n}", last_name="many") for n in range(40)]
    session.add_all(made)
    session.flush()
    assert [session.get(Student, student.id).first_name for student in made] == [f"n{n}" for n in range(40)]
    assert [student.id for student in made] == sorted(student.id for student in made)
    assert session.scalar(select(func.count()).where(Student.last_name == "many")) == 40


def test_graph(session):
    group = Class(name="5e C", students=[Student(first_name="a", last_name="b", marks=[Mark(subject="maths", mark=12)], clubs=[session.get(Club, 1)])])
    session.add(group)
    session.commit()
    session.expire_all()
    assert (group.school_id, group.students[0].marks[0].percent, group.students[0].club_names) == (1, 60, ["chess"])


def test_update_and_version(session, ada):
    ada.first_name, ada.tags, ada.meta = "Augusta", ["canteen"], {"b": 2}
    session.commit()
    assert (ada.version, ada.tags, ada.meta) == (2, ["canteen"], {"b": 2})


def test_stale_version(session, ada):
    session.connection().execute(text("UPDATE students SET version = 7 WHERE id = :id"), {"id": ada.id})
    ada.first_name = "Augusta"
    with pytest.raises(StaleDataError):
        session.flush()


def test_version_by_xmin(session):
    note = Note(student_id=31, body="first")
    session.add(note)
    session.commit()
    seen = note.xmin
    assert seen.isdigit()
    note.body = "second"
    session.commit()
    assert session.get(Note, note.id, populate_existing=True).xmin.isdigit()
    session.delete(note)
    session.commit()


def test_computed_column(session):
    mark = Mark(student_id=31, subject="art", mark=10)
    session.add(mark)
    session.flush()
    assert mark.percent == 50
    mark.mark = 11
    session.flush()
    assert mark.percent == 55


def test_delete_cascades(session, ada):
    ada.marks.append(Mark(subject="art", mark=3))
    ada.absences.append(Absence(day=DAY))
    ada.clubs.append(session.get(Club, 11))
    session.flush()
    ada.marks.pop()
    session.flush()
    session.delete(ada)
    session.commit()
    assert session.scalar(select(func.count()).select_from(Absence).where(Absence.day == DAY)) == 0


def test_many_to_many(session, ada):
    chess, choir = session.scalars(select(Club).order_by(Club.id))
    ada.clubs = [chess, choir]
    session.flush()
    ada.clubs.remove(chess)
    session.flush()
    assert session.scalars(select(StudentClub.club_id).where(StudentClub.student_id == ada.id)).all() == [choir.id]
    chess.members.add(ada)
    session.flush()
    assert ada in session.scalars(chess.members.select()).all()


def test_bulk_insert(session):
    rows = [{"student_id": 11 + 10 * n, "subject": "bulk", "mark": n} for n in range(20)]
    session.execute(insert(Mark), rows)
    found = session.scalars(insert(Mark).returning(Mark, sort_by_parameter_order=True), rows).all()
    assert [(mark.student_id, mark.mark) for mark in found] == [(row["student_id"], row["mark"]) for row in rows]
    assert session.scalar(select(func.sum(Mark.mark)).where(Mark.subject == "bulk")) == 380


def test_bulk_update(session):
    session.execute(update(Mark), [{"id": 10 * n + 1, "mark": n} for n in range(10)])
    assert session.scalars(select(Mark.mark).where(Mark.id < 100).order_by(Mark.id)).all() == list(range(10))
    session.connection().execute(update(Absence).where(Absence.student_id == 31).values(justified="yes"))


@pytest.mark.parametrize("how", ["evaluate", "fetch", "auto", False])
def test_update_by_a_query(session, how):
    students = session.scalars(select(Student).where(Student.class_id == 1)).all()
    query = update(Student).where(Student.class_id == 1).values(first_name="all").execution_options(synchronize_session=how)
    assert session.execute(query).rowcount == 15
    session.expire_all()
    assert {student.first_name for student in students} == {"all"}


@pytest.mark.parametrize("how", ["evaluate", "fetch"])
def test_delete_by_a_query(session, how):
    query = delete(Mark).where(Mark.mark < 5).execution_options(synchronize_session=how)
    assert session.execute(query).rowcount == session.scalar(select(literal(20)))
    assert session.scalar(select(func.min(Mark.mark))) == 5


def test_update_from(session):
    assert session.execute(update(Mark).where(Mark.student_id == Student.id, Student.class_id == 1).values(subject=Mark.subject + " A", mark=Mark.mark)).rowcount == 30
    best = select(func.max(Mark.mark)).where(Mark.student_id == Student.id).scalar_subquery()
    session.execute(update(Student).values(meta=func.jsonb_set(Student.meta, ["best"], func.to_jsonb(best))).where(best > 15).execution_options(synchronize_session=False))
    assert session.scalar(select(func.count()).where(Student.meta.has_key("best"))) > 0


def test_delete_using(session):
    assert session.execute(delete(Mark).where(Mark.student_id == Student.id, Student.sex == "girl")).rowcount == 20


def test_update_of_a_list(session):
    rows = values(column("id", Integer), column("name", Text), name="rows").data([(11, "one"), (21, "two")])
    assert session.execute(update(Student).where(Student.id == rows.c.id).values(first_name=rows.c.name).execution_options(synchronize_session=False)).rowcount == 2


def test_insert_from_a_query(session):
    source = select(Student.id, literal("copied"), literal(5)).where(Student.class_id == 1)
    assert session.execute(insert(Mark).from_select(["student_id", "subject", "mark"], source), execution_options=COUNTED).rowcount == 15


def test_upsert(session):
    rows = [{"student_id": 31, "day": DAY, "justified": "a"}, {"student_id": 41, "day": DAY, "justified": "b"}]
    for suffix in ("", "!"):
        statement = upsert(Absence).values([{**row, "justified": row["justified"] + suffix} for row in rows])
        statement = statement.on_conflict_do_update(index_elements=["student_id", "day"], set_={"justified": statement.excluded.justified})
        found = session.scalars(statement.returning(Absence), execution_options={"populate_existing": True}).all()
    assert [absence.justified for absence in found] == ["a!", "b!"]
    assert session.execute(upsert(Absence).values(rows).on_conflict_do_nothing(), execution_options=COUNTED).rowcount == 0
    conditional = upsert(Absence).values(rows)
    conditional = conditional.on_conflict_do_update(constraint="absences_pkey", set_={"justified": conditional.excluded.justified}, where=Absence.justified == "a!")
    assert session.execute(conditional, execution_options=COUNTED).rowcount == 1


def test_returning(session):
    assert session.execute(update(Mark).where(Mark.id == 31).values(mark=20).returning(Mark.id, Mark.percent)).one() == (31, 100)
    assert session.scalars(delete(Mark).where(Mark.id == 31).returning(Mark)).one().subject == "maths"


def test_merge(session, ada):
    detached = Student(id=ada.id, version=ada.version, first_name="merged", last_name="Byron")
    assert session.merge(detached) is ada
    session.flush()
    assert ada.first_name == "merged"


def test_savepoints(session, ada):
    with session.begin_nested():
        session.add(Club(name="kept"))
    with pytest.raises(IntegrityError), session.begin_nested():
        session.add(Mark(student=ada, subject="a", mark=21))
        session.flush()
    nested = session.begin_nested()
    session.add(Club(name="lost"))
    session.flush()
    nested.rollback()
    session.commit()
    assert session.scalars(select(Club.name).order_by(Club.name)).all() == ["chess", "choir", "kept"]


def test_errors(session):
    for statement, sqlstate in [
        (insert(Class).values(name="6e A"), "23505"),
        (insert(Mark).values(student_id=31, subject=None), "23502"),
        (update(Student).where(Student.id == 31).values(class_id=99999), "23503"),
        (select(literal(1) / literal(0)), "22012"),
        (text("SELECT nothing FROM classes"), "42703"),
    ]:
        with pytest.raises(DBAPIError) as caught, session.begin_nested():
            session.execute(statement)
        if sqlstate != "23503":
            assert (getattr(caught.value.orig, "sqlstate", None) or caught.value.orig.pgcode) == sqlstate


def test_events(session):
    seen = []

    @event.listens_for(Student, "before_insert")
    def before(_mapper, connection, target):
        target.meta = {"free": connection.scalar(select(func.count()).select_from(Class))}

    @event.listens_for(session, "after_flush")
    def after(_session, context):
        seen.extend(type(made).__name__ for made in context.session.new)

    student = Student(first_name="a", last_name="b")
    session.add(student)
    session.commit()
    event.remove(Student, "before_insert", before)
    assert (student.meta, seen) == ({"free": 2}, ["Student"])


def test_locks(session, engine):
    assert session.scalars(select(Student).where(Student.id == 31).with_for_update()).one().id == 31
    session.scalars(select(Student).join(Student.group).with_for_update(of=Student, nowait=True).limit(2)).all()
    session.scalars(select(Student).with_for_update(key_share=True, read=True).limit(2)).all()
    with Session(engine) as other:
        queue = select(Student.id).where(Student.id > 11).order_by(Student.id).with_for_update(skip_locked=True).limit(2)
        taken = other.scalars(queue).all()
        assert 31 not in taken and len(taken) == 2


def test_sequence(session):
    first = session.scalar(Sequence("students_id_seq").next_value())
    assert session.execute(Sequence("students_id_seq")) == first + 1


def test_isolation(engine):
    with engine.connect().execution_options(isolation_level="SERIALIZABLE") as connection, connection.begin():
        assert connection.get_isolation_level() == "SERIALIZABLE"
        assert connection.scalar(select(func.count()).select_from(Student)) == 30
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        assert connection.scalar(select(func.count()).select_from(Student)) == 30
    with engine.connect().execution_options(postgresql_readonly=True) as connection, pytest.raises(DBAPIError):
        connection.execute(insert(Club).values(name="a"))
