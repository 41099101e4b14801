"""Adds a column, an index and a constraint, changes a type, and writes rows."""

from django.db import migrations, models


def found_schools(apps, schema_editor):
    school = apps.get_model("campus", "School")
    school.objects.bulk_create(
        [school(name=f"Collège {number}", city=city) for number, city in enumerate(["Brest", "Dole"], 1)]
    )


class Migration(migrations.Migration):
    dependencies = [("campus", "0001_initial")]
    operations = [
        migrations.AddField("School", "city", models.CharField(default="", max_length=100), preserve_default=False),
        migrations.AlterField("Pupil", "notes", models.TextField(blank=True)),
        migrations.AddIndex("Pupil", models.Index(fields=["last_name", "first_name"], name="campus_pupi_last_na_7c6c6b_idx")),
        migrations.AddConstraint("Pupil", models.CheckConstraint(check=models.Q(average__lte=20), name="average_of_twenty")),
        migrations.RunPython(found_schools, migrations.RunPython.noop),
    ]
