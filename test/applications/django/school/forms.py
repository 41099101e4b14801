"""Forms of the site."""

from django import forms
from school.models import Absence, Student


class StudentForm(forms.ModelForm):
    class Meta:
        model = Student
        fields = ["first_name", "last_name", "sex", "birth_date", "class_group", "tags", "clubs"]


class AbsenceForm(forms.ModelForm):
    class Meta:
        model = Absence
        fields = ["day", "half_day", "justified"]
