"""What the site asks: every row that comes back is the school's own."""

import datetime
import decimal
import uuid

from django.contrib.postgres.search import SearchQuery, SearchRank, SearchVector
from django.db import connection
from django.db.models import Avg, Case, CharField, Count, DecimalField, Exists, ExpressionWrapper, F, Max, Min, OuterRef, Prefetch, Q, StdDev, Subquery, Sum, Value, When, Window
from django.db.models.functions import Cast, Coalesce, Concat, DenseRank, ExtractYear, Length, Lower, Rank, RowNumber, TruncMonth, Upper
from django.test import TestCase
from school.models import Absence, ClassGroup, Club, Grade, School, Student


class Lookups(TestCase):
    def test_count(self):
        self.assertEqual(Student.objects.count(), 30)

    def test_whole_rows(self):
        students = list(Student.objects.all())
        self.assertEqual({student.school_id for student in students}, {1})
        self.assertEqual(len(students), 30)

    def test_get_by_key_and_by_uuid(self):
        self.assertEqual(Student.objects.get(pk=31), Student.objects.get(ref=uuid.UUID(int=31)))

    def test_first_last_earliest_latest(self):
        self.assertEqual(Student.objects.order_by("id").first().pk, 11)
        self.assertEqual(Student.objects.order_by("id").last().pk, 301)
        self.assertLess(Absence.objects.earliest("day").day, Absence.objects.latest("day").day)

    def test_deferred_column_comes_when_it_is_asked_for(self):
        with self.assertNumQueries(2):
            self.assertTrue(Student.objects.get(pk=31).ine.startswith("00"))

    def test_text_lookups(self):
        for lookup, word in [("iexact", "ZOÉ"), ("icontains", "nè"), ("startswith", "O'"), ("iendswith", "M"), ("regex", "^[A-Z]"), ("iregex", "^zo."), ("contains", "%")]:
            with self.subTest(lookup):
                for student in Student.objects.filter(**{f"first_name__{lookup}": word}):
                    self.assertEqual(student.school_id, 1)
        self.assertEqual(Student.objects.filter(first_name__iexact="zoé").count(), 6)
        self.assertEqual(Student.objects.filter(last_name__contains="%").count(), 8)
        self.assertEqual(Student.objects.filter(last_name__contains="_").count(), 7)

    def test_lookup_by_an_expression(self):
        self.assertEqual(Student.objects.filter(last_name__icontains=F("first_name")).count(), 1)

    def test_dates(self):
        self.assertEqual(Student.objects.filter(birth_date__year=2014).count() + Student.objects.filter(birth_date__year__gt=2014).count(), 25)
        self.assertEqual(Student.objects.filter(birth_date__isnull=True).count(), 5)
        self.assertEqual(Absence.objects.filter(day__week_day=2).count(), Absence.objects.filter(day__iso_week_day=1).count())
        self.assertEqual(Student.objects.filter(enrolled_at__date__gte=datetime.date(2026, 1, 1)).count(), 30)
        self.assertEqual(len(Absence.objects.dates("day", "month")), 1)
        self.assertEqual(len(Student.objects.datetimes("enrolled_at", "year")), 1)

    def test_numbers(self):
        self.assertEqual(Student.objects.filter(average__range=(2, 5)).count(), 6)
        self.assertEqual(Student.objects.filter(average__gt=decimal.Decimal("14.5")).count(), 1)
        self.assertEqual(Student.objects.filter(average__in=[1, 2, decimal.Decimal("2.5")]).count(), 3)

    def test_arrays(self):
        self.assertEqual(Student.objects.filter(tags__contains=["bus"]).count(), 10)
        self.assertEqual(Student.objects.filter(tags__overlap=["canteen", "none"]).count(), 20)
        self.assertEqual(Student.objects.filter(tags__len=2).count(), 10)
        self.assertEqual(Student.objects.filter(tags__0="canteen").count(), 20)
        self.assertEqual(Student.objects.filter(tags=[]).count(), 10)

    def test_json(self):
        self.assertEqual(Student.objects.filter(extra__bus=1).count(), 8)
        self.assertEqual(Student.objects.filter(extra__siblings__0=4).count(), 1)
        self.assertEqual(Student.objects.filter(extra__contains={"bus": 2}).count(), 8)
        self.assertEqual(Student.objects.filter(extra__has_key="bus").count(), 30)
        self.assertEqual(Student.objects.filter(extra__bus__gt=1).count(), 15)
        self.assertEqual(Student.objects.filter(extra__missing__isnull=True).count(), 30)
        self.assertEqual(list(Student.objects.filter(pk=31).values_list("extra__siblings", flat=True)), [[3, 4]])

    def test_q_and_f(self):
        self.assertEqual(Student.objects.filter(Q(sex="F") | ~Q(average__lt=10), birth_date__isnull=False).exclude(pk=31).count(), 13)
        self.assertEqual(Student.objects.filter(id__gt=F("average") * 10 + F("school_id")).count(), 26)

    def test_search(self):
        found = Student.objects.annotate(v=SearchVector("first_name", "last_name", config="simple")).filter(v=SearchQuery("adam", config="simple"))
        self.assertEqual(found.count(), 6)
        ranked = Student.objects.annotate(r=SearchRank(SearchVector("last_name"), SearchQuery("dupont"))).filter(r__gt=0)
        self.assertEqual(ranked.count(), 7)
        self.assertEqual(Student.objects.filter(last_name__search="dupont").count(), 7)

    def test_raw(self):
        raw = Student.objects.raw("SELECT id, last_name, upper(first_name) AS loud FROM school_student WHERE id < %s ORDER BY id", [40])
        self.assertEqual([student.loud for student in raw], ["ADAM", "INÈS", "O'NEIL"])

    def test_cursor(self):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*), max(average) FROM school_student")
            self.assertEqual(cursor.fetchone(), (30, decimal.Decimal("15.00")))

    def test_in_bulk_exists_contains(self):
        self.assertEqual(sorted(Student.objects.in_bulk([11, 21, 12])), [11, 21])
        self.assertTrue(Student.objects.filter(pk=11).exists())
        self.assertTrue(Student.objects.all().contains(Student(pk=21)))

    def test_slices_and_order(self):
        self.assertEqual(len(Student.objects.order_by(F("average").desc(nulls_last=True))[5:15]), 10)
        self.assertEqual(len(Student.objects.order_by("?")[:3]), 3)
        self.assertEqual(len(Student.objects.reverse()[::3]), 10)

    def test_iterator_by_a_cursor_at_the_server(self):
        self.assertEqual(len([student.pk for student in Student.objects.iterator(chunk_size=7)]), 30)
        self.assertEqual(len([s for s in Student.objects.prefetch_related("absences").iterator(chunk_size=4)]), 30)

    def test_union_intersection_difference(self):
        young, first = Student.objects.filter(pk__lt=100), Student.objects.filter(pk__lt=50)
        self.assertEqual(young.union(first).count(), 9)
        self.assertEqual(len(young.values_list("id").intersection(first.values_list("id"))), 4)
        self.assertEqual(len(young.values_list("id").difference(first.values_list("id")).order_by("id")[:3]), 3)

    def test_distinct(self):
        self.assertEqual(Student.objects.order_by().values("sex").distinct().count(), 3)
        self.assertEqual(len(Student.objects.order_by("last_name", "id").distinct("last_name")), 4)

    def test_introspection(self):
        with connection.cursor() as cursor:
            tables = connection.introspection.table_names(cursor)
            columns = [column.name for column in connection.introspection.get_table_description(cursor, "school_absence")]
            keys = connection.introspection.get_relations(cursor, "school_absence")
            constraints = connection.introspection.get_constraints(cursor, "school_absence")
        self.assertIn("school_student", tables)
        self.assertEqual(columns, ["id", "day", "half_day", "justified", "noted_by_id", "student_id"])
        self.assertEqual(keys["student_id"], ("id", "school_student"))
        self.assertIn("absent_once", constraints)


class Relations(TestCase):
    def test_select_related(self):
        with self.assertNumQueries(1):
            grade = Grade.objects.select_related("student__class_group__school", "student__school").get(pk=31)
            self.assertEqual(grade.student.class_group.school.name, "Collège 1")

    def test_prefetch_related(self):
        with self.assertNumQueries(4):
            students = list(Student.objects.prefetch_related("absences", "grades", "clubs"))
            self.assertEqual(sum(len(student.absences.all()) for student in students), 60)
            self.assertEqual(sum(len(student.grades.all()) for student in students), 90)
            self.assertEqual(sum(len(student.clubs.all()) for student in students), 30)

    def test_prefetch_of_a_query_and_of_a_slice(self):
        best = Prefetch("grades", Grade.objects.filter(mark__gte=10).order_by("-mark"), to_attr="best")
        self.assertTrue(all(grade.mark >= 10 for student in Student.objects.prefetch_related(best) for grade in student.best))
        last = Prefetch("absences", Absence.objects.order_by("-day", "-half_day")[:1], to_attr="last")
        self.assertEqual(max(len(student.last) for student in Student.objects.prefetch_related(last)), 1)

    def test_across_relations(self):
        self.assertEqual(Student.objects.filter(absences__justified=False).distinct().count(), 20)
        self.assertEqual(Student.objects.filter(clubs__name="choir", class_group__name="6e A").count(), 5)
        self.assertEqual(ClassGroup.objects.filter(students__grades__mark__gte=20).distinct().count(), 2)
        self.assertEqual(School.objects.filter(students__isnull=False).distinct().count(), 1)

    def test_reverse_managers(self):
        group = ClassGroup.objects.get(name="6e A")
        self.assertEqual(group.students.filter(sex="F").count(), 5)
        self.assertEqual(Club.objects.get(name="chess").students.count(), 20)
        self.assertEqual(Student.objects.get(pk=31).clubs.count(), 2)

    def test_own_manager(self):
        figures = Student.objects.of_class("6e A").with_figures().get(pk=41)
        self.assertEqual((figures.days_absent, figures.unjustified), (3, 2))
        self.assertIsNotNone(figures.mean)


class Computed(TestCase):
    def test_aggregate(self):
        found = Student.objects.aggregate(n=Count("id"), mean=Avg("average"), top=Max("average"), low=Min("birth_date"), total=Sum("average"), spread=StdDev("average"))
        self.assertEqual((found["n"], found["top"], found["total"]), (30, 15, decimal.Decimal("197.5")))

    def test_group_by(self):
        counts = Student.objects.order_by().values("sex").annotate(n=Count("id"), boys=Count("id", filter=Q(sex="M"))).order_by("sex")
        self.assertEqual([(row["sex"], row["n"], row["boys"]) for row in counts], [("F", 10, 0), ("M", 10, 10), ("X", 10, 0)])

    def test_group_by_the_primary_key(self):
        students = Student.objects.annotate(n=Count("absences"), last=Max("absences__day")).filter(n__gt=0).order_by("-n", "id")
        self.assertEqual({student.n for student in students}, {3})
        self.assertEqual([group.n for group in ClassGroup.objects.annotate(n=Count("students"))], [15, 15])

    def test_group_by_a_date(self):
        months = Absence.objects.order_by().annotate(month=TruncMonth("day")).values("month").annotate(n=Count("id"))
        self.assertEqual([row["n"] for row in months], [60])
        self.assertEqual(sum(row["n"] for row in Student.objects.order_by().values(y=ExtractYear("birth_date")).annotate(n=Count("id"))), 30)

    def test_aggregate_of_a_subquery(self):
        self.assertEqual(Student.objects.annotate(n=Count("absences")).aggregate(Sum("n"), Max("n"))["n__sum"], 60)
        self.assertEqual(Student.objects.all()[:10].aggregate(n=Count("id"))["n"], 10)

    def test_functions(self):
        names = Student.objects.annotate(
            name=Concat(Upper("last_name"), Value(" "), Lower("first_name")), n=Length("first_name"), a=Coalesce("average", Value(decimal.Decimal(0))), t=Cast("id", CharField())
        ).order_by("id")
        self.assertEqual((names[0].name, names[0].n), ("D'ARC adam", 4))

    def test_case_and_arithmetic(self):
        kinds = Student.objects.annotate(
            kind=Case(When(average__gte=10, then=Value("good")), When(average__isnull=True, then=Value("none")), default=Value("weak")),
            double=ExpressionWrapper(F("average") * 2, output_field=DecimalField()),
            tenth=F("average") / 10,
        )
        self.assertEqual(kinds.filter(kind="none").count(), 4)
        self.assertEqual(kinds.get(pk=31).double, 3)

    def test_exists(self):
        absent = Absence.objects.filter(student=OuterRef("pk"), justified=False)
        self.assertEqual(Student.objects.filter(Exists(absent)).count(), 20)
        self.assertEqual(Student.objects.filter(~Exists(absent)).count(), 10)
        self.assertEqual(Student.objects.annotate(absent=Exists(absent)).filter(absent=True).count(), 20)

    def test_subquery(self):
        last = Absence.objects.filter(student=OuterRef("pk")).order_by("-day").values("day")[:1]
        total = Grade.objects.filter(student=OuterRef("pk")).order_by().values("student").annotate(s=Sum("mark")).values("s")
        students = Student.objects.annotate(last=Subquery(last), total=Subquery(total)).order_by("id")
        self.assertIsNotNone(students[0].last)
        self.assertEqual(students.filter(last__isnull=True).count(), 10)
        self.assertEqual(Student.objects.filter(pk__in=Grade.objects.filter(mark=20).values("student")).count(), 2)

    def test_window(self):
        places = Student.objects.annotate(
            place=Window(Rank(), order_by=F("average").desc(nulls_last=True)),
            dense=Window(DenseRank(), partition_by="class_group", order_by="average"),
            n=Window(RowNumber(), partition_by="sex", order_by="id"),
            mean=Window(Avg("average"), partition_by="class_group"),
        )
        self.assertEqual(places.order_by("place")[0].average, 15)
        self.assertEqual(places.filter(n=1).count(), 3)
