"""The site's classes: their columns are those that the database shows, so of what was not granted they know nothing."""

import uuid

from sqlalchemy import Column, FetchedValue, Integer, String, cast, func
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.ext.associationproxy import association_proxy
from sqlalchemy.ext.declarative import DeferredReflection
from sqlalchemy.ext.hybrid import hybrid_method, hybrid_property
from sqlalchemy.orm import DeclarativeBase, Mapped, backref, relationship
from sqlalchemy.types import UserDefinedType


class Base(DeclarativeBase):
    pass


class Reflected(DeferredReflection):
    __abstract__ = True


class Xid(UserDefinedType):
    """The number of the transaction that wrote a row, as a text: drivers have no type of their own for it."""

    cache_ok = True

    def get_col_spec(self):
        return "XID"

    def bind_expression(self, value):
        return cast(cast(value, String), Xid())

    def column_expression(self, column):
        return cast(column, String)


class School(Reflected, Base):
    __tablename__ = "schools"
    classes: Mapped[list["Class"]] = relationship(back_populates="school", order_by="Class.name")


class Class(Reflected, Base):
    __tablename__ = "classes"
    school: Mapped[School] = relationship(back_populates="classes")
    students: Mapped[list["Student"]] = relationship(back_populates="group", order_by="Student.id")


class Room(Reflected, Base):
    __tablename__ = "rooms"
    id = Column(Integer, primary_key=True)
    parts: Mapped[list["Room"]] = relationship(backref=backref("parent", remote_side=[id]), order_by="Room.id")


class Club(Reflected, Base):
    __tablename__ = "clubs"
    members: Mapped[list["Student"]] = relationship(secondary="student_clubs", back_populates="clubs", lazy="write_only", passive_deletes=True)


class Staff(Reflected, Base):
    """One table, several classes."""

    __tablename__ = "staff"
    kind = Column(String)
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "staff"}


class Teacher(Staff):
    __mapper_args__ = {"polymorphic_identity": "teacher"}


class Head(Staff):
    __mapper_args__ = {"polymorphic_identity": "head"}


class StudentClub(Reflected, Base):
    __tablename__ = "student_clubs"


class Student(Reflected, Base):
    __tablename__ = "students"
    version = Column(Integer, nullable=False)
    group: Mapped[Class] = relationship(back_populates="students")
    marks: Mapped[list["Mark"]] = relationship(back_populates="student", cascade="all, delete-orphan", order_by="Mark.id")
    absences: Mapped[list["Absence"]] = relationship(back_populates="student", cascade="all, delete-orphan", passive_deletes=True, order_by="Absence.day")
    notes: Mapped[list["Note"]] = relationship(cascade="all, delete-orphan", passive_deletes=True)
    clubs: Mapped[list[Club]] = relationship(secondary="student_clubs", back_populates="members", order_by="Club.name")
    club_names = association_proxy("clubs", "name")
    __mapper_args__ = {"version_id_col": version}

    @hybrid_property
    def name(self):
        return f"{self.first_name} {self.last_name}"

    @name.inplace.expression
    @classmethod
    def _name(cls):
        return cls.first_name + " " + cls.last_name

    @hybrid_method
    def is_called(self, name):
        return self.last_name.lower() == name.lower()

    @is_called.inplace.expression
    @classmethod
    def _is_called(cls, name):
        return func.lower(cls.last_name) == name.lower()


class Absence(Reflected, Base):
    __tablename__ = "absences"
    student: Mapped[Student] = relationship(back_populates="absences")


class Mark(Reflected, Base):
    __tablename__ = "marks"
    student: Mapped[Student] = relationship(back_populates="marks")


class Note(Reflected, Base):
    """Versioned by the system column `xmin`: the policy names it."""

    __tablename__ = "notes"
    id = Column(UUID, primary_key=True, default=uuid.uuid4)
    xmin = Column(Xid, system=True, server_default=FetchedValue())
    __mapper_args__ = {"version_id_col": xmin, "version_id_generator": False}
