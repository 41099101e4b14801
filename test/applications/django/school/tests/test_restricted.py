"""What the site's role cannot do: another school's rows, masked and withheld columns, what it was not granted. Through Rowgate alone."""

import unittest

from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.postgres.aggregates import ArrayAgg, StringAgg
from django.contrib.postgres.expressions import ArraySubquery
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import Window
from django.db.models.functions import FirstValue, Lag, LastValue, Lead, NthValue
from django.test import TestCase
from school.models import Absence, Account, ClassGroup, Club, Grade, School, Session, Student

# Of the second school.
THEIRS = 32


@unittest.skipUnless(settings.RESTRICTED, "for the restricted role")
class RestrictedCase(TestCase):
    def assertRefused(self, sqlstate, run, message=""):
        with self.assertRaises(DatabaseError) as caught, transaction.atomic():
            run()
            connection.check_constraints()
        self.assertEqual(caught.exception.__cause__.sqlstate, sqlstate, caught.exception)
        self.assertIn(message, str(caught.exception))
        return caught.exception

    def run_sql(self, sql, *parameters):
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall()


class OtherSchool(RestrictedCase):
    def test_rows_do_not_exist(self):
        with self.assertRaises(Student.DoesNotExist):
            Student.objects.get(pk=THEIRS)
        for model in School, Account, ClassGroup, Club, Absence, Grade:
            self.assertFalse(model.objects.filter(pk=2).exists(), model)
        self.assertEqual(self.run_sql("SELECT count(*) FROM school_student WHERE id %% 10 = 2"), [(0,)])

    def test_pages_are_not_found(self):
        self.client.force_login(Account.objects.get(username="head1"))
        for path in (f"/students/{THEIRS}/", f"/students/{THEIRS}/edit/", f"/students/{THEIRS}/delete/", "/classes/2/report/"):
            self.assertEqual(self.client.get(path).status_code, 404, path)
        self.assertEqual(self.client.post(f"/students/{THEIRS}/absences/", {"day": "2026-11-02", "half_day": "1"}).status_code, 404)
        self.assertEqual(self.client.get(f"/admin/school/student/{THEIRS}/change/").status_code, 302)
        self.assertEqual(self.client.post("/students/new/", {"first_name": "a", "last_name": "b", "sex": "F", "class_group": 2}).status_code, 200)

    def test_accounts_cannot_log_in(self):
        self.assertIsNone(authenticate(username="head2", password="secret"))

    def test_rows_stay(self):
        self.assertEqual(Student.objects.filter(pk=THEIRS).update(first_name="x"), 0)
        self.assertEqual(Student.objects.filter(pk=THEIRS).delete()[0], 0)
        self.assertEqual(Absence.objects.filter(student=THEIRS).update(justified=True), 0)

    def test_row_cannot_be_moved_out(self):
        student = Student.objects.get(pk=31)
        student.school_id = 2
        self.assertRefused("42501", student.save, 'new row violates row-level security policy for table "school_student"')
        self.assertRefused("42501", lambda: Student.objects.filter(pk=31).update(class_group=2))
        group = ClassGroup.objects.create(name="not there yet")
        self.assertRefused("42501", lambda: ClassGroup.objects.filter(pk=group.pk).update(school=2))
        absence = Absence.objects.create(student_id=31, day="2026-11-02")
        self.assertRefused("42501", lambda: Absence.objects.filter(pk=absence.pk).update(student=THEIRS))

    def test_row_cannot_be_made_there(self):
        self.assertRefused("42501", lambda: Student.objects.create(first_name="a", last_name="b", school_id=2))
        self.assertRefused("42501", lambda: Student.objects.create(first_name="a", last_name="b", class_group_id=2))
        self.assertRefused("42501", lambda: Absence.objects.create(student_id=THEIRS, day="2026-11-02"))
        self.assertRefused("42501", lambda: Grade.objects.bulk_create([Grade(student_id=31, subject="a", mark=1), Grade(student_id=THEIRS, subject="a", mark=1)]))
        self.assertRefused("42501", lambda: Student.objects.get(pk=31).clubs.add(2))
        self.assertRefused("42501", lambda: Account.objects.create_user("spy", school_id=2))
        self.assertRefused("42501", lambda: Session.objects.create(session_key="a", session_data="", expire_date="2030-01-01T00:00Z", school_id=2))

    def test_deferred_key_tells_no_value(self):
        error = self.assertRefused("23503", lambda: Absence.objects.create(student_id=31, day="2026-11-02", noted_by_id=99999), "violates foreign key constraint")
        self.assertNotIn("99999", str(error))

    def test_taken_name_collides(self):
        """A unique key tells of the row with which a write collides: so it does with row security."""
        error = self.assertRefused("23505", lambda: Account.objects.create(username="head2"))
        self.assertNotIn("head2", str(error))


class Withheld(RestrictedCase):
    def test_masked_column(self):
        self.assertEqual(Student.objects.get(pk=31).ine, "00*********")
        self.assertEqual(Student.objects.filter(ine="0000000031A").count(), 0)

    def test_masked_column_is_not_saved_back(self):
        student = Student.objects.get(pk=31)
        self.assertIsNotNone(student.ine)
        self.assertRefused("42501", student.save, 'permission denied for column "ine"')

    def test_column_that_was_not_granted(self):
        self.assertRefused("42501", lambda: self.run_sql("SELECT nurse_note FROM school_student"), 'permission denied for column "nurse_note" of relation "school_student"')
        self.assertRefused("42501", lambda: Student.objects.extra(where=["nurse_note LIKE 'a%%'"]).count())

    def test_table_that_was_not_granted(self):
        self.assertRefused("42501", lambda: self.run_sql("SELECT * FROM school_medical"), 'permission denied for table school_medical')
        with connection.cursor() as cursor:
            self.assertNotIn("school_medical", connection.introspection.table_names(cursor))

    def test_collecting(self):
        for aggregate in (ArrayAgg("student__last_name"), StringAgg("student__last_name", ", ")):
            self.assertRefused("42501", lambda: list(Grade.objects.values("subject").annotate(all=aggregate)))
        for function in (FirstValue("mark"), LastValue("mark"), Lag("mark"), Lead("mark"), NthValue("mark", 2)):
            self.assertRefused("42501", lambda: list(Grade.objects.annotate(other=Window(function, order_by="id"))))
        self.assertRefused("42501", lambda: list(ClassGroup.objects.annotate(all=ArraySubquery(Student.objects.values("id")))))

    def test_explain(self):
        self.assertRefused("42501", Student.objects.all().explain)

    def test_definitions(self):
        for sql in ("CREATE TABLE a ()", "TRUNCATE school_student", "ALTER TABLE school_student ADD x int", "DROP TABLE school_student"):
            with self.assertRaises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(sql)

    def test_keys_of_its_own(self):
        self.assertRefused("42501", lambda: Student.objects.bulk_create([Student(id=5000, first_name="a", last_name="b")]), 'permission denied for column "id" of relation "school_student"')

    def test_migrations(self):
        """It finds none to have run: `django_migrations` was not granted."""
        with self.assertRaises(SystemExit):
            call_command("migrate", check_unapplied=True, verbosity=0)

    def test_reference_tables_are_read_only(self):
        self.assertRefused("42501", lambda: self.run_sql("UPDATE auth_permission SET name = '' RETURNING id"))
        self.assertRefused("42501", lambda: self.run_sql("INSERT INTO auth_group_permissions (group_id, permission_id) VALUES (1, 1) RETURNING id"))

    def test_too_many_rows(self):
        with self.assertRaises(DatabaseError) as caught, transaction.atomic():
            self.run_sql("SELECT a.id FROM school_student a, school_student b")
        self.assertEqual(caught.exception.__cause__.sqlstate, "53400")
