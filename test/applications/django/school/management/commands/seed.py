"""`seed 1 2`: fills the database with the schools of these numbers. Schools take turns in the ids, so that each has hidden neighbours."""

import datetime
import decimal
import uuid

from django.contrib.auth.models import Group, Permission
from django.core.management.base import BaseCommand
from django.core.management.color import no_style
from django.db import connection, transaction
from school.models import Absence, Account, ClassGroup, Club, Grade, School, Student

FIRST = ["Zoé", "Adam", "Inès", "O'Neil", "Lé"]
LAST = ["Dupont", "d'Arc", "Martin %", "Lé_vy"]
MONDAY = datetime.date(2026, 9, 7)


class Command(BaseCommand):
    def add_arguments(self, parser):
        parser.add_argument("schools", nargs="+", type=int)

    @transaction.atomic
    def handle(self, *_args, schools, **_options):
        office = Group.objects.create(name="office")
        office.permissions.set(Permission.objects.filter(content_type__app_label="school"))
        for school in schools:
            self.fill(school, office)
        with connection.cursor() as cursor:
            for line in connection.ops.sequence_reset_sql(no_style(), [School, Account, ClassGroup, Club, Student, Absence, Grade]):
                cursor.execute(line)

    def fill(self, school, office):
        School.objects.create(id=school, name=f"Collège {school}", city=["Nice", "Lyon"][school % 2])
        head = Account(id=school, username=f"head{school}", school_id=school, is_staff=True, is_superuser=True)
        clerk = Account(id=school + 10, username=f"clerk{school}", school_id=school, is_staff=True)
        guest = Account(id=school + 20, username=f"guest{school}", school_id=school)
        for account in head, clerk, guest:
            account.set_password("secret")
            account.save(force_insert=True)
        clerk.groups.add(office)
        classes = [ClassGroup(id=school + 10 * n, school_id=school, name=f"6e {'AB'[n]}") for n in range(2)]
        ClassGroup.objects.bulk_create(classes)
        clubs = [Club(id=school + 10 * n, school_id=school, name=name) for n, name in enumerate(["chess", "choir"])]
        Club.objects.bulk_create(clubs)
        students = [
            Student(
                id=10 * n + school,
                school_id=school,
                class_group=classes[n % 2],
                ref=uuid.UUID(int=10 * n + school),
                ine=f"{10 * n + school:010}A",
                first_name=FIRST[n % 5],
                last_name=LAST[n % 4],
                sex="FMX"[n % 3],
                birth_date=datetime.date(2014, 1, 1) + datetime.timedelta(days=30 * n) if n % 6 else None,
                average=decimal.Decimal(n) / 2 if n % 7 else None,
                tags=["canteen", "bus"][: n % 3],
                extra={"bus": n % 4, "siblings": [n, n + 1]},
            )
            for n in range(1, 31)
        ]
        Student.objects.bulk_create(students)
        for n, student in enumerate(students):
            student.clubs.set(clubs[: n % 3])
        Absence.objects.bulk_create(
            Absence(id=10 * n + school, student=students[n % 20], day=MONDAY + datetime.timedelta(days=n // 4), half_day=n % 2 + 1, justified=n % 3 == 0)
            for n in range(60)
        )
        Grade.objects.bulk_create(
            Grade(id=10 * n + school, student=students[n % 30], subject=["maths", "français", "musique"][n // 30], mark=decimal.Decimal(n % 41) / 2)
            for n in range(90)
        )
