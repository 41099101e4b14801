"""Kept by the nurse: the site's models do not know of it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("school", "0001_initial")]
    operations = [
        migrations.RunSQL(
            """
            ALTER TABLE school_student ADD nurse_note text NOT NULL DEFAULT '';
            CREATE TABLE school_medical (
              student_id bigint PRIMARY KEY REFERENCES school_student ON DELETE CASCADE,
              allergies text NOT NULL
            );
            """,
            """
            DROP TABLE school_medical;
            ALTER TABLE school_student DROP nurse_note;
            """,
        )
    ]
