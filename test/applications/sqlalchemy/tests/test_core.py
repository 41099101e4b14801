"""SQL as the expression language writes it."""

import datetime
import decimal

from school.models import Absence, Class, Mark, Room, Student
from sqlalchemy import Date, Integer, Text, any_, case, cast, column, exists, extract, false, func, literal, literal_column, or_, select, text, true, tuple_, union_all, values
from sqlalchemy.dialects.postgresql import JSONPATH, Range, array
from sqlalchemy.orm import Bundle, aliased


def count(session, *conditions):
    return session.scalar(select(func.count()).select_from(Student).where(*conditions))


def test_hybrids(session):
    assert session.get(Student, 31).name == "O'Neil Lé_vy"
    assert count(session, Student.name == "O'Neil Lé_vy") == 2
    assert count(session, Student.is_called("DUPONT")) == 7


def test_text_conditions(session):
    assert count(session, Student.last_name.ilike("%DUP%")) == 7
    assert count(session, Student.last_name.contains("%", autoescape=True)) == 8
    assert count(session, Student.last_name.startswith("d'")) == 8
    assert count(session, Student.last_name.icontains("_", autoescape=True)) == 7
    assert count(session, Student.first_name.regexp_match("^Z")) == 6
    assert count(session, func.lower(Student.first_name).in_(["adam", "inès"])) == 12
    assert count(session, Student.last_name.match("dupont")) == 7
    assert count(session, func.to_tsvector("simple", Student.first_name).bool_op("@@")(func.to_tsquery("simple", "ad:*"))) == 6


def test_lists_and_tuples(session):
    assert count(session, Student.id.in_([11, 12, 21, 22])) == 2
    assert count(session, Student.id.in_([])) == 0
    assert count(session, Student.id.not_in([11])) == 29
    assert count(session, tuple_(Student.id, Student.class_id).in_([(11, 11), (21, 1), (32, 2)])) == 2
    assert count(session, Student.id == any_(array([11, 21, 32]))) == 2
    assert count(session, Student.id.between(11, 99), or_(Student.sex == "boy", false())) == 3


def test_arrays(session):
    assert count(session, Student.tags.contains(["bus"])) == 10
    assert count(session, Student.tags.overlap(["canteen", "none"])) == 20
    assert count(session, Student.tags.any("bus")) == 10
    assert count(session, Student.tags[1] == "canteen") == 20
    assert count(session, func.cardinality(Student.tags) == 0) == 10
    assert session.scalars(select(Student.tags[1:1]).where(Student.id == 21)).one() == ["canteen"]
    assert session.execute(select(func.unnest(Student.tags).label("tag"), func.count()).group_by("tag").order_by("tag")).all() == [("bus", 10), ("canteen", 20)]


def test_json(session):
    assert count(session, Student.meta["bus"].as_integer() == 1) == 8
    assert count(session, Student.meta["home"]["city"].astext == "Nice") == 30
    assert count(session, Student.meta.contains({"bus": 2})) == 8
    assert count(session, Student.meta.has_key("siblings")) == 30
    assert count(session, Student.meta[("siblings", 0)].astext.cast(Integer) > 20) == 10
    assert count(session, Student.meta.path_exists(cast("$.siblings[*] ? (@ == 4)", JSONPATH))) == 2
    assert session.scalar(select(func.jsonb_array_length(Student.meta["siblings"])).where(Student.id == 31)) == 2
    assert session.scalar(select(func.jsonb_build_object("id", Student.id, "name", Student.last_name)).where(Student.id == 31)) == {"id": 31, "name": "Lé_vy"}
    elements = func.jsonb_array_elements_text(Student.meta["siblings"]).table_valued("value")
    assert len(session.execute(select(Student.id, elements.c.value).join(elements, true())).all()) == 60


def test_dates(session):
    assert count(session, extract("year", Student.birth_date) == 2014) == 25
    assert count(session, Student.birth_date < datetime.date(2014, 4, 1)) == 6
    months = select(func.date_trunc("month", Student.birth_date).label("month"), func.count()).group_by("month").order_by("month")
    assert len(session.execute(months).all()) == 11
    assert count(session, Student.created > func.now() - datetime.timedelta(days=1)) == 30
    assert count(session, func.age(Student.birth_date) > datetime.timedelta(days=365)) == 25
    assert count(session, func.to_char(Student.birth_date, "MM") == "03") == 3


def test_group_by(session):
    query = select(Class.name, func.count(Student.id), func.avg(Mark.mark)).join(Class.students).join(Student.marks).group_by(Class.id).having(func.count() > 5).order_by(Class.name)
    assert [row[:2] for row in session.execute(query)] == [("6e A", 30), ("6e B", 30)]
    query = select(Student.sex, Student.class_id, func.count()).group_by(func.rollup(Student.sex, Student.class_id))
    assert len(session.execute(query).all()) == 10
    query = select(func.count().filter(Student.sex == "girl"), func.count(Student.class_id.distinct()), func.bool_or(Student.birth_date.is_(None)))
    assert session.execute(query).one() == (10, 2, True)


def test_windows(session):
    place = func.rank().over(order_by=Mark.mark.desc(), partition_by=Mark.subject).label("place")
    ranked = select(Mark.student_id, Mark.subject, place).subquery()
    assert len(session.execute(select(ranked).where(ranked.c.place <= 3)).all()) == 6
    running = func.sum(Mark.mark).over(order_by=Mark.id, rows=(None, 0))
    assert session.execute(select(Mark.id, running, func.count().over()).order_by(Mark.id)).first() == (1, 0, 60)


def test_case_cast_and_arithmetic(session):
    kind = case((Mark.mark >= 10, "good"), (Mark.mark.is_(None), "none"), else_="weak")
    assert sorted(session.execute(select(kind, func.count()).group_by(kind)).all()) == [("good", 21), ("weak", 39)]
    assert session.execute(select(Mark.mark / 2, cast(Mark.id, Text), -Mark.mark, func.round(Mark.mark, 0)).where(Mark.id == 31)).one()[1:3] == ("31", decimal.Decimal("-1.5"))
    assert count(session, cast(Student.ine.op("||")("0"), Text) != "") == 30


def test_subqueries(session):
    last = select(func.max(Absence.day)).where(Absence.student_id == Student.id).correlate(Student).scalar_subquery()
    assert session.execute(select(Student.id, last).order_by(Student.id)).first() == (11, datetime.date(2026, 9, 3))
    assert count(session, exists().where(Absence.student_id == Student.id)) == 20
    assert count(session, Student.id.in_(select(Mark.student_id).where(Mark.mark == 20))) == 1
    mean = select(Mark.student_id, func.avg(Mark.mark).label("mean")).group_by(Mark.student_id).subquery()
    assert len(session.execute(select(Student.id, mean.c.mean).join(mean, mean.c.student_id == Student.id).where(mean.c.mean > 10)).all()) == 9


def test_lateral(session):
    best = select(Mark.subject, Mark.mark).where(Mark.student_id == Student.id).order_by(Mark.mark.desc()).limit(1).lateral("best")
    assert len(session.execute(select(Student.id, best.c.mark).join(best, true())).all()) == 30
    assert len(session.execute(select(Student.id, best.c.mark).outerjoin(best, best.c.mark > 15)).all()) == 30


def test_cte(session):
    girls = select(Student).where(Student.sex == "girl").cte("girls")
    assert session.scalar(select(func.count()).select_from(girls).join(Mark, Mark.student_id == girls.c.id)) == 20
    girl = aliased(Student, girls)
    assert len(session.scalars(select(girl).order_by(girl.id).limit(3)).all()) == 3
    kept = select(Student.id).where(Student.sex == "girl").cte("kept").prefix_with("MATERIALIZED", dialect="postgresql")
    assert session.scalar(select(func.count()).select_from(kept)) == 10


def test_recursive_cte(session):
    tree = select(Room.id, Room.name, literal(0).label("depth")).where(Room.parent_id.is_(None)).cte("tree", recursive=True)
    part = aliased(Room)
    tree = tree.union_all(select(part.id, part.name, tree.c.depth + 1).join(tree, part.parent_id == tree.c.id))
    assert session.execute(select(tree.c.depth, func.count()).group_by(tree.c.depth).order_by(tree.c.depth)).all() == [(0, 1), (1, 2), (2, 4)]


def test_set_operations(session):
    young, first = select(Student.id).where(Student.id < 100), select(Student.id).where(Student.id < 50)
    assert len(session.execute(young.union(first)).all()) == 9
    assert len(session.execute(young.intersect(first).order_by("id").limit(2)).all()) == 2
    assert len(session.execute(young.except_(first)).all()) == 5
    assert len(session.scalars(select(Student).from_statement(union_all(select(Student).where(Student.id == 11), select(Student).where(Student.id == 21)))).all()) == 2


def test_distinct_and_pages(session):
    assert len(session.execute(select(Student.last_name).distinct()).all()) == 4
    assert len(session.scalars(select(Student).distinct(Student.last_name).order_by(Student.last_name, Student.id)).all()) == 4
    page = select(Student.id, func.count().over()).order_by(Student.id).limit(10).offset(20)
    assert session.execute(page).all()[0] == (211, 30)
    assert len(session.execute(select(Student.id).order_by(Student.sex).fetch(1, with_ties=True)).all()) == 10


def test_values_and_functions_in_from(session):
    rows = values(column("id", Integer), column("word", Text), name="rows").data([(11, "a"), (12, "b")])
    assert session.execute(select(Student.id, rows.c.word).join(rows, rows.c.id == Student.id)).all() == [(11, "a")]
    series = func.generate_series(1, 3).table_valued("n", with_ordinality="place", name="series").render_derived()
    assert session.execute(select(series.c.n, series.c.place)).all() == [(1, 1), (2, 2), (3, 3)]
    days = func.generate_series(datetime.date(2026, 9, 1), datetime.date(2026, 9, 3), datetime.timedelta(days=1)).column_valued("date")
    assert len(session.execute(select(cast(days, Date), func.count(Absence.student_id)).outerjoin(Absence, Absence.day == cast(days, Date)).group_by(days)).all()) == 3


def test_text_and_literals(session):
    assert session.execute(text("SELECT count(*) FROM students WHERE last_name = :name"), {"name": "Dupont"}).scalar() == 7
    typed = text("SELECT id, first_name FROM students WHERE id < :id ORDER BY id").columns(Student.id, Student.first_name)
    assert len(session.scalars(select(Student).from_statement(typed), {"id": 40}).all()) == 3
    assert session.execute(select(literal_column("1::int"), literal("a"), func.coalesce(None, "b"))).one() == (1, "a", "b")


def test_bundles_and_rows(session):
    row = session.execute(select(Bundle("who", Student.id, Student.last_name), Class).join(Student.group).where(Student.id == 31)).one()
    assert (row.who.last_name, row.Class.name) == ("Lé_vy", "6e B")
    assert session.execute(select(Student.__table__).where(Student.id == 31)).mappings().one()["last_name"] == "Lé_vy"


def test_streams(session, connection):
    assert sum(1 for _ in session.scalars(select(Mark).execution_options(yield_per=7))) == 60
    result = connection.execute(select(Mark.__table__), execution_options={"stream_results": True, "max_row_buffer": 5})
    assert [len(part) for part in result.partitions(25)] == [25, 25, 10]
    with connection.execute(select(Student.id).order_by(Student.id)) as result:
        assert result.fetchmany(2) == [(11,), (21,)]


def test_ranges(session):
    session.add(Mark(student_id=31, subject="a", mark=1, weeks=Range(1, 5)))
    session.flush()
    assert session.scalars(select(Mark.weeks).where(Mark.weeks.contains(3))).one() == Range(1, 5)
    assert session.scalar(select(func.upper(Mark.weeks)).where(Mark.weeks.overlaps(Range(4, 9)))) == 5
