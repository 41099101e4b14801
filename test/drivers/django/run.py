"""Django: `migrate`, `load` (writes by the ORM) and `read` (the ORM's queries), a line of JSON for each step."""

import datetime
import decimal
import os
import pathlib
import sys
import uuid

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "python")]
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"

import django

django.setup()

from campus.models import Absence, Pupil, School
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import F
from lines import take
from reads import READS

MIDNIGHT = datetime.datetime(2026, 9, 1, tzinfo=datetime.timezone.utc)


def migrate():
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns"
            " WHERE table_schema = 'public' ORDER BY table_name, ordinal_position"
        )
        columns = cursor.fetchall()
        tables = connection.introspection.table_names(cursor)
        keys = connection.introspection.get_constraints(cursor, "campus_pupil")
    call_command("migrate", verbosity=0, check_unapplied=True)
    return {"columns": columns, "tables": tables, "constraints": sorted(keys)}


def load():
    """By bulk_create, save, update, get_or_create and delete, in transactions that are kept and undone."""
    for number in range(1, 41):
        pupil = Pupil(
            id=number, ref=uuid.UUID(int=number), ine=f"{number:010}A", first_name=["Zoé", "Adam", "Inès", "O'Neil"][number % 4],
            last_name=["Dupont", "d'Arc", "Martin %", "Lé_vy"][number // 2 % 4], school_id=number % 2 + 1,
            birth_date=datetime.date(2014, 1, 1) + datetime.timedelta(days=40 * number) if number % 5 else None,
            enrolled=MIDNIGHT + datetime.timedelta(hours=number), canteen=number % 3 == 0,
            average=decimal.Decimal(number) / 4 if number % 7 else None,
            extra={"bus": number % 4, "tags": ["a", "é"]}, notes=f"seen by the nurse {number}",
        )
        pupil.save(force_insert=True)
    Absence.objects.bulk_create(
        [Absence(pupil_id=n % 40 + 1, day=datetime.date(2026, 9, 1) + datetime.timedelta(days=n), justified=n % 2 == 0) for n in range(100)]
    )
    with transaction.atomic():
        changed = Pupil.objects.filter(canteen=True).update(average=F("average") + 1)
        try:
            with transaction.atomic():
                Pupil.objects.filter(id=1).delete()
                raise RuntimeError
        except RuntimeError:
            pass
    school, made = School.objects.get_or_create(name="Collège 3", defaults={"city": "Nice"})
    deleted, _by_model = school.delete()
    return {"changed": changed, "made": made, "deleted": deleted, "pupils": Pupil.objects.count(), "absences": Absence.objects.count()}


take({"migrate": [("migrate", migrate)], "load": [("load", load)], "read": READS}[sys.argv[1]])
