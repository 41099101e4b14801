"""What the site writes, inside transactions and savepoints."""

import datetime
import decimal

from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Case, F, Value, When
from django.db.models.functions import Upper
from django.test import TestCase
from school.models import Absence, Account, ClassGroup, Club, Grade, Student

DAY = datetime.date(2026, 11, 2)


class Rows(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.group = ClassGroup.objects.create(name="5e C")
        cls.student = Student.objects.create(first_name="Ada", last_name="Byron", class_group=cls.group, ine="1234567890A", tags=["bus"], extra={"a": [1]})

    def test_create(self):
        student = Student.objects.get(pk=self.student.pk)
        self.assertEqual((student.school_id, student.tags, student.extra, student.class_group), (1, ["bus"], {"a": [1]}, self.group))

    def test_save_again(self):
        student = Student.objects.get(pk=self.student.pk)
        student.first_name = "Augusta"
        student.average = decimal.Decimal("19.5")
        student.save()
        student.refresh_from_db()
        self.assertEqual((student.first_name, student.average), ("Augusta", decimal.Decimal("19.50")))

    def test_save_some_fields(self):
        self.student.birth_date = datetime.date(2014, 12, 10)
        self.student.save(update_fields=["birth_date"])
        self.assertTrue(Student.objects.filter(birth_date=datetime.date(2014, 12, 10)).exists())

    def test_update(self):
        self.assertEqual(Student.objects.filter(class_group=self.group).update(last_name=Upper("last_name"), average=F("id") * 0 + 12), 1)
        self.assertEqual(Student.objects.get(pk=self.student.pk).last_name, "BYRON")

    def test_update_across_relations(self):
        self.assertEqual(Absence.objects.filter(student__class_group__name="6e A", justified=False).update(justified=True), 20)
        self.assertEqual(Student.objects.filter(pk__in=Grade.objects.filter(mark=20).values("student")).update(average=Case(When(sex="F", then=Value(decimal.Decimal(20))), default=F("average"))), 2)

    def test_update_everything(self):
        self.assertEqual(Student.objects.update(extra={}), 31)

    def test_delete(self):
        Absence.objects.create(student=self.student, day=DAY)
        Grade.objects.create(student=self.student, subject="maths", mark=20)
        self.student.clubs.add(Club.objects.get(name="chess"))
        deleted, by_model = Student.objects.filter(pk=self.student.pk).delete()
        self.assertEqual((deleted, by_model["school.Absence"]), (4, 1))

    def test_delete_sets_null(self):
        self.group.delete()
        self.student.refresh_from_db(fields=["class_group"])
        self.assertIsNone(self.student.class_group)

    def test_bulk_create(self):
        made = Student.objects.bulk_create([Student(first_name=f"n{n}", last_name="bulk") for n in range(40)], batch_size=25)
        self.assertTrue(all(student.pk for student in made))
        self.assertEqual(Student.objects.filter(last_name="bulk").count(), 40)

    def test_bulk_create_with_conflicts(self):
        for ignore_conflicts in (False, True):
            Absence.objects.bulk_create([Absence(student=self.student, day=DAY, half_day=half) for half in (1, 2)], ignore_conflicts=ignore_conflicts)
        Absence.objects.bulk_create(
            [Absence(student=self.student, day=DAY, half_day=2, justified=True), Absence(student=self.student, day=DAY + datetime.timedelta(1))],
            update_conflicts=True, unique_fields=["student", "day", "half_day"], update_fields=["justified"],
        )
        self.assertEqual(list(self.student.absences.values_list("half_day", "justified")), [(1, False), (2, True), (1, False)])

    def test_bulk_update(self):
        students = list(Student.objects.order_by("id")[:10])
        for n, student in enumerate(students):
            student.average, student.birth_date, student.tags = n, DAY, [str(n)]
        self.assertEqual(Student.objects.bulk_update(students, ["average", "birth_date", "tags"]), 10)
        self.assertEqual([s.average for s in Student.objects.order_by("id")[:10]], list(range(10)))

    def test_get_or_create(self):
        absence, made = Absence.objects.get_or_create(student=self.student, day=DAY, half_day=1)
        again, made_again = Absence.objects.get_or_create(student=self.student, day=DAY, half_day=1, defaults={"justified": True})
        self.assertEqual((made, made_again, again), (True, False, absence))

    def test_update_or_create(self):
        for justified in (False, True):
            absence, _made = Absence.objects.update_or_create(student=self.student, day=DAY, half_day=1, defaults={"justified": justified})
        self.assertEqual((self.student.absences.count(), absence.justified), (1, True))

    def test_many_to_many(self):
        chess, choir = Club.objects.order_by("name")
        self.student.clubs.add(chess, choir)
        self.student.clubs.remove(chess)
        self.assertEqual(self.student.clubs.get(), choir)
        self.student.clubs.set([chess])
        self.student.clubs.clear()
        self.student.clubs.create(name="theatre")
        self.assertEqual(self.student.clubs.get().school_id, 1)

    def test_reverse_relations(self):
        self.student.absences.create(day=DAY)
        self.group.students.add(Student.objects.get(pk=31))
        self.assertEqual(self.group.students.count(), 2)
        self.group.students.clear()
        self.assertEqual(self.group.students.count(), 0)

    def test_full_clean(self):
        with self.assertRaises(ValidationError):
            ClassGroup(name="5e C").full_clean()
        with self.assertRaises(ValidationError):
            Grade(student=self.student, subject="maths", mark=21).full_clean()


class Transactions(TestCase):
    def test_constraints(self):
        student = Student.objects.get(pk=31)
        Absence.objects.create(student=student, day=DAY)
        with self.assertRaises(IntegrityError), transaction.atomic():
            Absence.objects.create(student=student, day=DAY)
        with self.assertRaises(IntegrityError), transaction.atomic():
            Student.objects.filter(pk=31).update(average=21)
        with self.assertRaises(IntegrityError), transaction.atomic():
            Account.objects.create(username="clerk1")
        self.assertEqual(student.absences.filter(day=DAY).count(), 1)

    def test_deferred_foreign_key(self):
        with self.assertRaises(IntegrityError), transaction.atomic():
            Student.objects.filter(pk=31).update(class_group=None)
            Absence.objects.filter(student=31).update(noted_by=99999)
            connection.check_constraints()

    def test_savepoints(self):
        before = Club.objects.count()
        point = transaction.savepoint()
        Club.objects.create(name="lost")
        transaction.savepoint_rollback(point)
        point = transaction.savepoint()
        Club.objects.create(name="kept")
        transaction.savepoint_commit(point)
        self.assertEqual(Club.objects.count(), before + 1)

    def test_nested_blocks(self):
        with transaction.atomic():
            Club.objects.create(name="outer")
            try:
                with transaction.atomic():
                    Club.objects.create(name="inner")
                    Club.objects.raw("SELECT 1 / 0 AS id")[0]
            except DatabaseError as error:
                self.assertEqual(error.__cause__.sqlstate, "22012")
        self.assertEqual(Club.objects.filter(name__in=["outer", "inner"]).get().name, "outer")

    def test_on_commit(self):
        with self.captureOnCommitCallbacks(execute=True) as called:
            transaction.on_commit(lambda: None)
        self.assertEqual(len(called), 1)

    def test_select_for_update(self):
        with transaction.atomic():
            locked = Student.objects.select_for_update().get(pk=31)
            Student.objects.select_related("school").select_for_update(of=("self",), no_key=True).get(pk=41)
            list(Student.objects.select_for_update(nowait=True).filter(sex="F")[:3])
        self.assertEqual(locked.pk, 31)

    def test_skip_locked(self):
        other = connection.copy()
        try:
            other.set_autocommit(False)
            with other.cursor() as cursor:
                cursor.execute("SELECT id FROM school_student WHERE id < 40 ORDER BY id FOR UPDATE")
                self.assertEqual(len(cursor.fetchall()), 3)
                queue = Student.objects.select_for_update(skip_locked=True).order_by("id")
                self.assertEqual([student.pk for student in queue[:2]], [41, 51])
                with self.assertRaises(DatabaseError), transaction.atomic():
                    Student.objects.select_for_update(nowait=True).get(pk=31)
        finally:
            other.close()
