"""Pages of the site."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path
from school import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("login/", LoginView.as_view(template_name="school/form.html")),
    path("logout/", LogoutView.as_view()),
    path("students/", views.StudentList.as_view(), name="students"),
    path("students/new/", views.StudentCreate.as_view(), name="student-new"),
    path("students/<int:pk>/", views.StudentDetail.as_view(), name="student"),
    path("students/<int:pk>/edit/", views.StudentUpdate.as_view(), name="student-edit"),
    path("students/<int:pk>/delete/", views.StudentDelete.as_view(), name="student-delete"),
    path("students/<int:pk>/absences/", views.note_absence, name="absences"),
    path("classes/<int:pk>/report/", views.class_report, name="report"),
]
