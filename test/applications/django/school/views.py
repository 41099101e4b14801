"""Pages for the staff: students, their absences, a report of a class."""

from django.contrib.auth.decorators import login_required, permission_required
from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin
from django.db import transaction
from django.db.models import Avg, Count, Max, Q
from django.http import JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse_lazy
from django.views.decorators.http import require_POST
from django.views.generic import CreateView, DeleteView, DetailView, ListView, UpdateView
from school.forms import AbsenceForm, StudentForm
from school.models import Absence, ClassGroup, Student


class StudentList(LoginRequiredMixin, ListView):
    template_name = "school/list.html"
    paginate_by = 10

    def get_queryset(self):
        students = Student.objects.select_related("class_group").with_figures()
        word = self.request.GET.get("q")
        return students.filter(Q(first_name__icontains=word) | Q(last_name__icontains=word)) if word else students


class StudentDetail(LoginRequiredMixin, DetailView):
    template_name = "school/detail.html"
    queryset = Student.objects.select_related("school", "class_group").prefetch_related("absences", "grades", "clubs")


class StudentCreate(PermissionRequiredMixin, CreateView):
    permission_required = "school.add_student"
    template_name = "school/form.html"
    form_class = StudentForm
    model = Student
    success_url = reverse_lazy("students")


class StudentUpdate(PermissionRequiredMixin, UpdateView):
    permission_required = "school.change_student"
    template_name = "school/form.html"
    form_class = StudentForm
    model = Student
    success_url = reverse_lazy("students")


class StudentDelete(PermissionRequiredMixin, DeleteView):
    permission_required = "school.delete_student"
    template_name = "school/form.html"
    model = Student
    success_url = reverse_lazy("students")


@require_POST
@login_required
@transaction.atomic
def note_absence(request, pk):
    student = get_object_or_404(Student.objects.select_for_update(), pk=pk)
    form = AbsenceForm(request.POST)
    if not form.is_valid():
        return JsonResponse(form.errors, status=400)
    absence, made = Absence.objects.update_or_create(
        student=student,
        day=form.cleaned_data["day"],
        half_day=form.cleaned_data["half_day"],
        defaults={"justified": form.cleaned_data["justified"], "noted_by": request.user},
    )
    return JsonResponse({"id": absence.id, "made": made, "count": student.absences.count()})


@permission_required("school.report_class", raise_exception=True)
def class_report(_request, pk):
    group = get_object_or_404(ClassGroup, pk=pk)
    marks = (
        group.students.values("grades__subject")
        .annotate(n=Count("grades"), mean=Avg("grades__mark"), best=Max("grades__mark"))
        .order_by("grades__subject")
    )
    return JsonResponse({"class": group.name, "size": group.students.count(), "marks": list(marks)})
