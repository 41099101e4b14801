"""The whole database, as its owner makes it: also what the site is not granted."""

import uuid

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    Enum,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    insert,
    text,
)
from sqlalchemy.dialects.postgresql import INT4RANGE, JSONB

metadata = MetaData()


def key():
    return Column("id", Integer, primary_key=True)


def of_school():
    return Column("school_id", ForeignKey("schools.id"), nullable=False, index=True, server_default="1")


def of_student(**options):
    return Column("student_id", ForeignKey("students.id", ondelete="CASCADE"), nullable=False, **options)


schools = Table("schools", metadata, key(), Column("name", Text, nullable=False), comment="Schools of the district")
classes = Table("classes", metadata, key(), of_school(), Column("name", Text, nullable=False), UniqueConstraint("school_id", "name", name="one_of_a_name"))
rooms = Table("rooms", metadata, key(), of_school(), Column("parent_id", ForeignKey("rooms.id")), Column("name", Text, nullable=False))
clubs = Table("clubs", metadata, key(), of_school(), Column("name", Text, nullable=False))
staff = Table(
    "staff", metadata, key(), of_school(), Column("kind", Text, nullable=False), Column("name", Text, nullable=False),
    Column("subject", Text), Column("office", Text), Column("salary", Numeric(8, 2)),
)  # fmt: skip
students = Table(
    "students", metadata,
    Column("id", Integer, Identity(), primary_key=True),
    of_school(),
    Column("class_id", ForeignKey("classes.id")),
    Column("first_name", Text, nullable=False),
    Column("last_name", Text, nullable=False, comment="As in the register"),
    Column("ine", Text),
    Column("sex", Enum("girl", "boy", "other", name="sex"), nullable=False, server_default="other"),
    Column("birth_date", Date),
    Column("address", Text),
    Column("tags", ARRAY(Text), nullable=False, server_default="{}"),
    Column("meta", JSONB, nullable=False, server_default="{}"),
    Column("created", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("version", Integer, nullable=False, server_default="1"),
    Index("students_by_name", "last_name", "first_name"),
)  # fmt: skip
student_clubs = Table("student_clubs", metadata, of_student(primary_key=True), Column("club_id", ForeignKey("clubs.id"), primary_key=True))
absences = Table("absences", metadata, of_student(primary_key=True), Column("day", Date, primary_key=True), Column("justified", Text))
marks = Table(
    "marks", metadata, key(), of_student(),
    Column("subject", Text, nullable=False),
    Column("mark", Numeric(4, 2), CheckConstraint("mark BETWEEN 0 AND 20", name="out_of_twenty")),
    Column("percent", Numeric, Computed("mark * 5")),
    Column("weeks", INT4RANGE),
    Column("term", SmallInteger, server_default="1"),
)  # fmt: skip
notes = Table("notes", metadata, Column("id", Uuid, primary_key=True), of_student(), Column("body", Text, nullable=False))
medical = Table("medical", metadata, of_student(primary_key=True), Column("allergies", Text))

VIEWS = """
CREATE VIEW class_sizes AS
SELECT c.id, c.school_id, c.name, count(s.id) AS size FROM classes c LEFT JOIN students s ON s.class_id = c.id GROUP BY c.id
"""


def migrate(connection):
    metadata.create_all(connection)
    connection.execute(text(VIEWS))


FIRST = ["Zoé", "Adam", "Inès", "O'Neil", "Lé"]
LAST = ["Dupont", "d'Arc", "Martin %", "Lé_vy"]


def seed(connection, school):
    """Schools take turns in the ids, so that each has hidden neighbours."""

    def fill(table, rows):
        connection.execute(insert(table), rows)

    fill(schools, [{"id": school, "name": f"Collège {school}"}])
    mine = {"school_id": school}
    fill(classes, [{**mine, "id": school + 10 * n, "name": f"6e {'AB'[n]}"} for n in range(2)])
    fill(rooms, [{**mine, "id": school + 10 * n, "parent_id": None if n == 0 else school + 10 * ((n - 1) // 2), "name": f"room {n}"} for n in range(7)])
    fill(clubs, [{**mine, "id": school + 10 * n, "name": ["chess", "choir"][n]} for n in range(2)])
    fill(staff, [{**mine, "id": school + 10 * n, "kind": "teacher", "name": f"teacher {n}", "subject": "maths", "office": None, "salary": 3000} for n in range(3)])
    fill(staff, [{**mine, "id": school + 30, "kind": "head", "name": "head", "subject": None, "office": "1.01", "salary": 5000}])
    fill(
        students,
        [
            {
                **mine, "id": 10 * n + school, "class_id": school + 10 * (n % 2), "first_name": FIRST[n % 5], "last_name": LAST[n % 4],
                "ine": f"{10 * n + school:010}A", "sex": ["girl", "boy", "other"][n % 3], "birth_date": f"2014-{n % 12 + 1:02}-01" if n % 6 else None,
                "address": f"{n}, rue des Écoles", "tags": ["canteen", "bus"][: n % 3], "meta": {"bus": n % 4, "siblings": [n, n + 1], "home": {"city": "Nice"}},
            }
            for n in range(1, 31)
        ],
    )  # fmt: skip
    pupils = [10 * n + school for n in range(1, 31)]
    fill(student_clubs, [{"student_id": pupil, "club_id": school + 10 * club} for n, pupil in enumerate(pupils) for club in range(n % 3)])
    fill(absences, [{"student_id": pupils[n % 20], "day": f"2026-09-{n // 20 + 1:02}", "justified": "ill" if n % 3 else None} for n in range(60)])
    fill(marks, [{"id": 10 * n + school, "student_id": pupils[n % 30], "subject": ["maths", "music"][n // 30], "mark": n % 41 / 2, "weeks": None} for n in range(60)])
    fill(notes, [{"id": uuid.UUID(int=10 * n + school), "student_id": pupils[n], "body": f"note {n}"} for n in range(10)])
    fill(medical, [{"student_id": pupils[0], "allergies": "nuts"}])


def set_sequences(connection):
    for table in metadata.sorted_tables:
        if "id" in table.c and isinstance(table.c.id.type, Integer):
            connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), (SELECT max(id) FROM {table.name}))"))
