"""What the application learns of the database from the database."""

from school.models import Student
from sqlalchemy import MetaData, Table, func, inspect, select
from sqlalchemy.ext.automap import automap_base
from sqlalchemy.orm import Session


def test_tables_and_views(engine):
    inspector = inspect(engine)
    assert {"students", "classes", "marks", "absences", "notes"} <= set(inspector.get_table_names())
    assert inspector.get_view_names() == ["class_sizes"]
    assert inspector.get_schema_names() == ["information_schema", "public"]
    assert inspector.has_table("students") and not inspector.has_table("pupils")


def test_columns(engine):
    columns = {column["name"]: column for column in inspect(engine).get_columns("students")}
    assert str(columns["tags"]["type"]) == "ARRAY"
    assert columns["sex"]["type"].enums == ["girl", "boy", "other"]
    assert columns["id"]["identity"]["always"] is False
    assert columns["last_name"]["comment"] == "As in the register"
    assert columns["created"]["default"] == "now()"
    assert inspect(engine).get_columns("marks")[4]["computed"]["persisted"] is True


def test_keys_and_constraints(engine):
    inspector = inspect(engine)
    assert inspector.get_pk_constraint("absences")["constrained_columns"] == ["student_id", "day"]
    assert {(key["referred_table"], key["options"].get("ondelete")) for key in inspector.get_foreign_keys("marks")} == {("students", "CASCADE")}
    assert [unique["column_names"] for unique in inspector.get_unique_constraints("classes")] == [["school_id", "name"]]
    assert [check["name"] for check in inspector.get_check_constraints("marks")] == ["out_of_twenty"]
    assert {"students_by_name", "ix_students_school_id"} == {index["name"] for index in inspector.get_indexes("students")}
    assert inspector.get_table_comment("schools")["text"] == "Schools of the district"


def test_enums_and_sequences(engine):
    inspector = inspect(engine)
    assert [enum["name"] for enum in inspector.get_enums()] == ["sex"]
    assert "students_id_seq" in inspector.get_sequence_names()


def test_metadata(engine):
    metadata = MetaData()
    metadata.reflect(engine, views=True, resolve_fks=True)
    students, classes, sizes = (metadata.tables[name] for name in ("students", "classes", "class_sizes"))
    with engine.connect() as connection:
        query = select(students.c.id, classes.c.name).join(classes).order_by(students.c.id).limit(1)
        assert connection.execute(query).one() == (11, "6e B")
        assert connection.scalars(select(sizes.c.size)).all() == [15, 15]


def test_one_table(engine):
    marks = Table("marks", MetaData(), autoload_with=engine)
    with engine.connect() as connection:
        assert len(connection.execute(marks.select()).all()) == 60


def test_automap(engine):
    base = automap_base()
    base.prepare(autoload_with=engine)
    with Session(engine) as session:
        student = session.get(base.classes.students, 31)
        assert (student.classes.name, student.schools.name, len(student.marks_collection)) == ("6e B", "Collège 1", 2)
        assert [club.name for club in session.get(base.classes.students, 21).clubs_collection] == ["chess"]


def test_deferred_reflection(engine):
    assert {"id", "ine", "tags", "version"} <= set(Student.__table__.c.keys())


def test_names_with_a_schema(engine):
    metadata = MetaData(schema="public")
    metadata.reflect(engine, only=["students", "marks"])
    students, marks = metadata.tables["public.students"], metadata.tables["public.marks"]
    with engine.connect() as connection:
        query = select(students.c.id, func.count(marks.c.id)).join(marks).where(students.c.sex == "girl").group_by(students.c.id, students.c.last_name)
        assert len(connection.execute(query.order_by(students.c.last_name)).all()) == 10
        connection.execute(marks.update().where(marks.c.student_id == 31).values(term=2).returning(marks.c.id))
        connection.rollback()
        translated = connection.execution_options(schema_translate_map={None: "public"})
        assert translated.scalar(select(func.count()).select_from(Student)) == 30


def test_many_at_once(engine):
    inspector = inspect(engine)
    columns = inspector.get_multi_columns(schema="public", filter_names=["marks", "notes"])
    assert {name for _schema, name in columns} == {"marks", "notes"}
    assert len(inspector.get_multi_foreign_keys(schema="public")[("public", "student_clubs")]) == 2
    assert inspector.get_sorted_table_and_fkc_names()[0][0] == "schools"
    assert "count(s.id)" in (inspector.get_view_definition("class_sizes") or "")
