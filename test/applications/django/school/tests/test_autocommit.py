"""Outside Django's own test transactions: what is committed, cursors that outlive a transaction, async, commands."""

import datetime
import io
import unittest

from django.core.management import call_command
from django.db import IntegrityError, close_old_connections, connection, transaction
from django.test import TestCase
from school.models import Absence, Account, Club, Student


class Autocommit(unittest.TestCase):
    """Leaves no rows behind."""

    def tearDown(self):
        Club.objects.filter(name="committed").delete()
        Absence.objects.filter(day=datetime.date(2026, 12, 1)).delete()

    def test_iterator_by_a_cursor_with_hold(self):
        students = Student.objects.order_by("id").iterator(chunk_size=5)
        self.assertEqual(next(students).pk, 11)
        self.assertEqual(Student.objects.count(), 30)
        self.assertEqual(len(list(students)), 29)

    def test_commit(self):
        with transaction.atomic(durable=True):
            Club.objects.create(name="committed")
        with transaction.atomic():
            Club.objects.filter(name="committed").update(name="undone")
            transaction.set_rollback(True)
        self.assertEqual(Club.objects.filter(name="committed").count(), 1)

    def test_deferred_foreign_key_at_commit(self):
        with self.assertRaises(IntegrityError), transaction.atomic():
            Absence.objects.create(student_id=31, day=datetime.date(2026, 12, 1), noted_by_id=99999)
        self.assertFalse(Absence.objects.filter(day=datetime.date(2026, 12, 1)).exists())

    def test_order_within_a_transaction(self):
        """A deferred foreign key lets the row come before its parent."""
        with transaction.atomic():
            absence = Absence.objects.create(student_id=31, day=datetime.date(2026, 12, 1), noted_by_id=99998)
            absence.noted_by_id = 11
            absence.save()
        self.assertEqual(Absence.objects.get(day=datetime.date(2026, 12, 1)).noted_by.username, "clerk1")

    def test_kept_and_closed_connections(self):
        close_old_connections()
        self.assertTrue(connection.is_usable())
        connection.close()
        self.assertEqual(Club.objects.count(), 2)

    def test_isolation(self):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            self.assertEqual(Club.objects.count(), 2)


class Async(TestCase):
    async def test_queries(self):
        self.assertEqual(await Student.objects.acount(), 30)
        self.assertEqual((await Student.objects.aget(pk=31)).first_name, "O'Neil")
        self.assertEqual(len([club async for club in Club.objects.all()]), 2)
        club = await Club.objects.acreate(name="async")
        self.assertEqual(await Club.objects.filter(pk=club.pk).aupdate(name="x"), 1)


class Commands(TestCase):
    def printed_by(self, *words, **options):
        printed = io.StringIO()
        call_command(*words, stdout=printed, **options)
        return printed.getvalue()

    def test_check(self):
        self.assertIn("no issues", self.printed_by("check", databases=["default"]))

    def test_dump_and_load(self):
        dumped = self.printed_by("dumpdata", "school.club", "school.classgroup")
        self.assertEqual(dumped.count('"school.club"'), 2)

    def test_inspect(self):
        self.assertIn("class SchoolAbsence(models.Model)", self.printed_by("inspectdb", "school_absence"))

    def test_accounts(self):
        call_command("createsuperuser", username="made", email="a@b.fr", interactive=False, verbosity=0)
        self.assertTrue(Account.objects.get(username="made").is_superuser)
