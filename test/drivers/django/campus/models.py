"""Schools, their pupils, and the days on which these were absent."""

import uuid

from django.db import models


class School(models.Model):
    name = models.CharField(max_length=100)
    city = models.CharField(max_length=100)


class Pupil(models.Model):
    ref = models.UUIDField(default=uuid.uuid4, unique=True)
    ine = models.CharField(max_length=11)
    first_name = models.CharField(max_length=50)
    last_name = models.CharField(max_length=50)
    birth_date = models.DateField(null=True)
    enrolled = models.DateTimeField()
    canteen = models.BooleanField(default=False)
    average = models.DecimalField(max_digits=4, decimal_places=2, null=True)
    extra = models.JSONField(default=dict)
    notes = models.TextField(blank=True)
    school = models.ForeignKey(School, models.CASCADE, related_name="pupils")

    class Meta:
        indexes = [models.Index(fields=["last_name", "first_name"])]
        constraints = [models.CheckConstraint(check=models.Q(average__lte=20), name="average_of_twenty")]


class Absence(models.Model):
    pupil = models.ForeignKey(Pupil, models.CASCADE, related_name="absences")
    day = models.DateField()
    justified = models.BooleanField(default=False)
