"""Queries as an application asks them of the ORM: a name and a function for each."""

import datetime
import decimal
import uuid

from campus.models import Absence, Pupil
from django.db import connection, transaction
from django.db.models import Avg, Case, Count, Exists, F, Max, OuterRef, Q, Subquery, Value, When, Window
from django.db.models.functions import Coalesce, Concat, ExtractYear, Length, Lower, Rank, TruncMonth
from django.db.utils import DatabaseError


def whole_rows():
    """Names every column of the model: refused where one of them is withheld."""
    try:
        return len(Pupil.objects.all())
    except DatabaseError as error:
        return {"error": type(error).__name__, "sqlstate": error.__cause__.sqlstate, "message": error.__cause__.diag.message_primary}


def in_transaction():
    """The same inside a transaction, where a savepoint saves the rest."""
    with transaction.atomic():
        before = Pupil.objects.count()
        try:
            with transaction.atomic():
                refused = len(Pupil.objects.values_list("notes"))
        except DatabaseError as error:
            refused = error.__cause__.sqlstate
        return [before, refused, Pupil.objects.filter(canteen=True).count()]


PUPILS = Pupil.objects.defer("notes").order_by("id")

READS = [
    ("whole rows", whole_rows),
    ("in a transaction", in_transaction),
    ("defer", lambda: [[p.id, p.ine, p.first_name, p.birth_date, p.enrolled, p.average, p.extra] for p in PUPILS.all()]),
    ("get", lambda: PUPILS.get(ref=uuid.UUID(int=6)).last_name),
    ("get what is not there", lambda: PUPILS.filter(id=1).first() is None),
    ("filter", lambda: list(PUPILS.filter(last_name__startswith="d'A", canteen=False).values_list("id", flat=True))),
    ("filter by pattern", lambda: list(PUPILS.filter(last_name__icontains="_").values_list("id", flat=True))),
    ("filter by regular expression", lambda: list(PUPILS.filter(first_name__iregex="^zo.").values_list("id", flat=True))),
    ("filter by range", lambda: PUPILS.filter(average__range=(2, 5)).count()),
    ("filter by list", lambda: list(PUPILS.filter(id__in=[1, 2, 3, 4]).values_list("id", "ine"))),
    ("filter by year", lambda: PUPILS.filter(birth_date__year=2015).count()),
    ("filter by time", lambda: PUPILS.filter(enrolled__date=datetime.date(2026, 9, 1)).count()),
    ("filter by JSON", lambda: list(PUPILS.filter(extra__bus=1).values_list("extra__tags", flat=True))),
    ("exclude, Q and F", lambda: PUPILS.exclude(Q(canteen=True) | Q(id__gt=F("average") * 4)).count()),
    ("filter by a joined table", lambda: list(PUPILS.filter(absences__justified=False).distinct().values_list("id", flat=True))),
    ("select_related", lambda: [[p.id, p.school.name] for p in Pupil.objects.select_related("school").defer("notes").order_by("id")[:5]]),
    ("prefetch_related", lambda: [[p.id, len(p.absences.all())] for p in PUPILS.prefetch_related("absences")]),
    ("values", lambda: list(PUPILS.values("id", "school__city")[:4])),
    ("slice", lambda: list(PUPILS[3:6].values_list("id", flat=True))),
    ("count", lambda: Pupil.objects.count()),
    ("exists", lambda: [Pupil.objects.filter(id=3).exists(), Pupil.objects.filter(id=4).exists()]),
    ("aggregate", lambda: Pupil.objects.aggregate(Count("id"), Avg("average"), Max("birth_date"))),
    ("group by", lambda: list(Pupil.objects.values("canteen").annotate(n=Count("id")).order_by("canteen"))),
    ("annotate", lambda: list(PUPILS.annotate(n=Count("absences")).filter(n__gt=2).values_list("id", "n"))),
    ("by month", lambda: list(Absence.objects.annotate(m=TruncMonth("day")).values("m").annotate(n=Count("id")).order_by("m"))),
    ("functions", lambda: list(PUPILS.annotate(name=Concat(Lower("first_name"), Value(" "), "last_name"), n=Length("first_name"), y=ExtractYear("birth_date"), a=Coalesce("average", Value(decimal.Decimal(0)))).values_list("name", "n", "y", "a")[:6])),
    ("CASE", lambda: list(PUPILS.annotate(kind=Case(When(canteen=True, then=Value("in")), default=Value("out"))).values_list("id", "kind")[:5])),
    ("EXISTS", lambda: PUPILS.filter(Exists(Absence.objects.filter(pupil=OuterRef("pk"), justified=False))).count()),
    ("subquery", lambda: list(PUPILS.annotate(last=Subquery(Absence.objects.filter(pupil=OuterRef("pk")).order_by("-day").values("day")[:1])).values_list("id", "last")[:4])),
    ("window", lambda: list(PUPILS.annotate(place=Window(Rank(), order_by=F("average").desc(nulls_last=True))).values_list("id", "place")[:5])),
    ("union", lambda: sorted(Pupil.objects.filter(id__lt=4).values_list("id").union(Pupil.objects.filter(id__gt=38).values_list("id")))),
    ("in_bulk", lambda: sorted(PUPILS.in_bulk([1, 2, 3]))),
    ("iterator", lambda: [p.id for p in PUPILS.iterator(chunk_size=5)]),
    ("raw", lambda: [p.last_name for p in Pupil.objects.raw("SELECT id, last_name FROM campus_pupil WHERE id < %s ORDER BY id", [6])]),
    ("introspection", lambda: sorted(connection.introspection.table_names())),
]
