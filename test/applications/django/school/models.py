"""What the site works with: schools, their staff's accounts, classes, students, clubs, absences and grades."""

import uuid

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.contrib.sessions.base_session import AbstractBaseSession
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Avg, Count, Q


def own_school():
    return settings.SCHOOL_ID


class School(models.Model):
    name = models.CharField(max_length=100)
    city = models.CharField(max_length=100)

    def __str__(self):
        return self.name


class Account(AbstractUser):
    """A person who works at a school and logs in."""

    school = models.ForeignKey(School, models.PROTECT, default=own_school, related_name="accounts")


class Session(AbstractBaseSession):
    """Django's own sessions do not say whose they are; these belong to a school."""

    school_id = models.BigIntegerField(default=own_school)

    @classmethod
    def get_session_store_class(cls):
        from school.sessions import SessionStore

        return SessionStore


class ClassGroup(models.Model):
    school = models.ForeignKey(School, models.CASCADE, default=own_school, related_name="classes")
    name = models.CharField(max_length=20)
    year = models.SmallIntegerField(default=2026)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["school", "name", "year"], name="one_class_of_a_name")]

    def __str__(self):
        return self.name


class Club(models.Model):
    school = models.ForeignKey(School, models.CASCADE, default=own_school)
    name = models.CharField(max_length=50)

    def __str__(self):
        return self.name


class StudentQuerySet(models.QuerySet):
    def of_class(self, name):
        return self.filter(class_group__name=name)

    def with_figures(self):
        return self.annotate(
            days_absent=Count("absences", distinct=True),
            unjustified=Count("absences", filter=Q(absences__justified=False), distinct=True),
            mean=Avg("grades__mark"),
        )


class StudentManager(models.Manager.from_queryset(StudentQuerySet)):
    """Defers `ine` until it is asked for: the site's role sees it masked, and a deferred field is not saved back."""

    def get_queryset(self):
        return super().get_queryset().defer("ine")


class Student(models.Model):
    class Sex(models.TextChoices):
        FEMALE = "F", "girl"
        MALE = "M", "boy"
        OTHER = "X", "other"

    school = models.ForeignKey(School, models.CASCADE, default=own_school, related_name="students")
    class_group = models.ForeignKey(ClassGroup, models.SET_NULL, null=True, blank=True, related_name="students")
    ref = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    ine = models.CharField(max_length=11, blank=True)
    first_name = models.CharField(max_length=50)
    last_name = models.CharField(max_length=50)
    sex = models.CharField(max_length=1, choices=Sex.choices, default=Sex.OTHER)
    birth_date = models.DateField(null=True, blank=True)
    average = models.DecimalField(max_digits=4, decimal_places=2, null=True, blank=True)
    tags = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    extra = models.JSONField(default=dict, blank=True)
    clubs = models.ManyToManyField(Club, blank=True, related_name="students")
    enrolled_at = models.DateTimeField(auto_now_add=True)

    objects = StudentManager()

    class Meta:
        ordering = ["last_name", "first_name", "id"]
        indexes = [models.Index(fields=["school", "last_name"], name="student_by_name")]
        constraints = [models.CheckConstraint(check=Q(average__lte=20), name="average_of_twenty")]
        permissions = [("report_class", "Can read the report of a class")]

    def __str__(self):
        return f"{self.first_name} {self.last_name}"


class Absence(models.Model):
    class HalfDay(models.IntegerChoices):
        MORNING = 1
        AFTERNOON = 2

    student = models.ForeignKey(Student, models.CASCADE, related_name="absences")
    day = models.DateField()
    half_day = models.SmallIntegerField(choices=HalfDay.choices, default=HalfDay.MORNING)
    justified = models.BooleanField(default=False)
    noted_by = models.ForeignKey(Account, models.SET_NULL, null=True, blank=True)

    class Meta:
        ordering = ["day", "half_day"]
        constraints = [models.UniqueConstraint(fields=["student", "day", "half_day"], name="absent_once")]


class Grade(models.Model):
    student = models.ForeignKey(Student, models.CASCADE, related_name="grades")
    subject = models.CharField(max_length=20)
    term = models.SmallIntegerField(default=1)
    mark = models.DecimalField(max_digits=4, decimal_places=2, validators=[MinValueValidator(0), MaxValueValidator(20)])
    comment = models.TextField(blank=True)
