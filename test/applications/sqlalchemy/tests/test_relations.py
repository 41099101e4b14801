"""Related objects, by each way of loading them."""

import pytest
from school.models import Absence, Class, Club, Head, Mark, Note, Room, School, Staff, Student, Teacher
from sqlalchemy import and_, event, func, select
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import (
    aliased,
    contains_eager,
    defer,
    immediateload,
    joinedload,
    lazyload,
    load_only,
    raiseload,
    selectin_polymorphic,
    selectinload,
    subqueryload,
    undefer,
    with_expression,
    with_loader_criteria,
)

STRATEGIES = {"lazy": lazyload, "selectin": selectinload, "joined": joinedload, "subquery": subqueryload, "immediate": immediateload}


@pytest.fixture
def statements(connection):
    """Those that were sent since."""
    seen = []

    def note(_connection, _cursor, statement, *_more):
        if statement.startswith("SELECT"):
            seen.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    yield seen
    event.remove(connection, "before_cursor_execute", note)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_collections(session, strategy):
    query = select(Student).options(STRATEGIES[strategy](Student.marks), STRATEGIES[strategy](Student.clubs)).order_by(Student.id)
    students = session.scalars(query).unique().all()
    assert (len(students), sum(len(student.marks) for student in students), sum(len(student.clubs) for student in students)) == (30, 60, 30)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_one(session, strategy):
    marks = session.scalars(select(Mark).options(STRATEGIES[strategy](Mark.student).options(STRATEGIES[strategy](Student.group))).where(Mark.mark > 18)).all()
    assert {mark.student.group.school_id for mark in marks} == {1}


@pytest.mark.parametrize("strategy", ["selectin", "joined", "subquery"])
def test_limited(session, strategy):
    """Joined loading of a collection puts the limited query into FROM."""
    students = session.scalars(select(Student).options(STRATEGIES[strategy](Student.absences)).order_by(Student.last_name, Student.id).limit(5)).unique().all()
    assert [len(student.absences) for student in students] == [3 if student.id <= 201 else 0 for student in students]


def test_number_of_statements(session, statements):
    classes = session.scalars(select(Class).options(selectinload(Class.students).selectinload(Student.marks))).all()
    assert sum(len(student.marks) for group in classes for student in group.students) == 60
    assert len(statements) == 3


def test_contains_eager(session):
    query = select(Class).join(Class.students).where(Student.sex == "girl").options(contains_eager(Class.students)).order_by(Class.id, Student.id)
    assert [len(group.students) for group in session.scalars(query).unique()] == [5, 5]


def test_raiseload(session):
    student = session.get(Student, 31, options=[raiseload(Student.marks)])
    with pytest.raises(InvalidRequestError):
        student.marks


def test_to_itself(session):
    root = session.scalars(select(Room).where(Room.parent_id.is_(None)).options(selectinload(Room.parts, recursion_depth=2))).one()
    assert [len(part.parts) for part in root.parts] == [2, 2]
    assert session.get(Room, 61).parent.parent is root


def test_many_to_many(session):
    assert session.get(Student, 31).club_names == ["chess", "choir"]
    chess = session.scalars(select(Club).where(Club.name == "chess")).one()
    assert len(session.scalars(chess.members.select().order_by(Student.id)).all()) == 20


def test_any_has_and_contains(session):
    assert len(session.scalars(select(Student).where(Student.absences.any(Absence.justified.is_(None)))).all()) == 20
    assert len(session.scalars(select(Student).where(~Student.absences.any())).all()) == 10
    assert len(session.scalars(select(Mark).where(Mark.student.has(Student.group.has(name="6e A")))).all()) == 30
    assert len(session.scalars(select(Student).where(Student.clubs.contains(session.get(Club, 11)))).all()) == 10
    assert len(session.scalars(select(Student).where(Student.group == session.get(Class, 1))).all()) == 15


def test_joins(session):
    other = aliased(Student)
    pairs = select(func.count()).select_from(Student).join(other, and_(other.class_id == Student.class_id, other.id > Student.id))
    assert session.scalar(pairs) == 210
    assert len(session.execute(select(Student, Note).join(Note, isouter=True)).all()) == 30
    assert len(session.execute(select(School, Class).join(School.classes).join(Class.students).join(Student.marks).distinct()).all()) == 2
    assert session.scalar(select(func.count()).select_from(Student).join(Note, full=True)) == 30


def test_polymorphic(session):
    assert [type(person) for person in session.scalars(select(Staff).order_by(Staff.id))] == [Teacher, Teacher, Teacher, Head]
    assert session.scalars(select(Head)).one().office == "1.01"
    assert len(session.scalars(select(Staff).options(selectin_polymorphic(Staff, [Teacher, Head]))).all()) == 4


def test_columns(session):
    student = session.scalars(select(Student).options(load_only(Student.first_name), undefer(Student.meta)).where(Student.id == 31)).one()
    assert (student.last_name, student.meta["bus"]) == ("Lé_vy", 3)
    assert session.scalars(select(Student).options(defer(Student.ine)).where(Student.id == 31)).one().ine.startswith("00")


def test_criteria(session):
    query = select(Student).options(with_loader_criteria(Mark, Mark.mark >= 10), selectinload(Student.marks))
    assert all(mark.mark >= 10 for student in session.scalars(query) for mark in student.marks)


def test_refresh_expire_and_identity(session):
    student = session.get(Student, 31)
    session.expire(student)
    assert student.first_name == "O'Neil"
    session.refresh(student, ["last_name", "marks"])
    session.refresh(student, with_for_update=True)
    assert session.scalars(select(Student).where(Student.id == 31)).one() is student
    session.expunge_all()
    assert session.merge(student, load=True) is not student
