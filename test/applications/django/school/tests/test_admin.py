"""The admin site, as a head of school and as a clerk use it."""

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.test import TestCase
from school.models import Absence, Account, ClassGroup, Club, Grade, Student

INLINE = {"absences-TOTAL_FORMS": "1", "absences-INITIAL_FORMS": "0", "absences-0-half_day": "1"}
STUDENT = {"first_name": "Ada", "last_name": "Byron", "sex": "F", "extra": "{}", **INLINE}


class AdminCase(TestCase):
    def setUp(self):
        self.client.force_login(Account.objects.get(username="head1"))

    def page(self, path, **query):
        answer = self.client.get(f"/admin/{path}", query)
        self.assertEqual(answer.status_code, 200, answer)
        return answer


class Admin(AdminCase):
    def test_login(self):
        self.client.logout()
        self.assertEqual(self.client.get("/admin/").status_code, 302)
        answer = self.client.post("/admin/login/?next=/admin/", {"username": "head1", "password": "secret"}, follow=True)
        self.assertContains(answer, "Site administration")

    def test_index(self):
        self.assertContains(self.page(""), "School")
        self.assertContains(self.page("school/"), "Absences")

    def test_index_as_a_clerk(self):
        self.client.force_login(Account.objects.get(username="clerk1"))
        self.assertNotContains(self.page(""), "Authentication and Authorization")
        self.page("school/student/")

    def test_list_and_pages(self):
        self.assertContains(self.page("school/student/"), "30 students")
        self.assertContains(self.page("school/student/", p=3), "30 students")
        self.assertContains(self.page("school/student/", all=""), "30 students")

    def test_order(self):
        first = self.page("school/student/", o="-5.1").context["cl"].result_list[0]
        self.assertIsNone(first.average)
        self.page("school/classgroup/", o="3.-2")

    def test_search(self):
        self.assertContains(self.page("school/student/", q="dupont zo"), "1 result")
        self.assertContains(self.page("school/student/", q='"6e A"'), "15 results")

    def test_filters(self):
        found = self.page("school/student/", sex__exact="F", class_group__id__exact="1", clubs__id__exact="1")
        self.assertEqual(found.context["cl"].result_count, 5)
        self.page("school/absence/", justified__exact="1", day__year=2026, day__month=9)
        self.page("school/student/", birth_date__year=2014)

    def test_list_editable(self):
        students = list(self.page("school/student/", q="dupont").context["cl"].result_list)
        form = {"form-TOTAL_FORMS": len(students), "form-INITIAL_FORMS": len(students), "_save": "Save"}
        for n, student in enumerate(students):
            form |= {f"form-{n}-id": student.pk, f"form-{n}-average": "7.5"}
        self.assertContains(self.client.post("/admin/school/student/?q=dupont", form, follow=True), "7 students were changed")
        self.assertEqual(Student.objects.filter(average=7.5).count(), 8)

    def test_add(self):
        self.assertContains(self.page("school/student/add/"), "choir")
        self.client.post("/admin/school/student/add/", {**STUDENT, "class_group": 1, "tags": "bus", "clubs": [1], "absences-0-day": "2026-11-02", "absences-0-noted_by": 11})
        student = Student.objects.get(last_name="Byron")
        self.assertEqual((student.clubs.count(), student.absences.get().noted_by.username), (1, "clerk1"))
        entry = LogEntry.objects.get()
        self.assertEqual((entry.is_addition(), entry.get_edited_object()), (True, student))

    def test_change_and_history(self):
        self.assertContains(self.page("school/student/31/change/"), "O&#x27;Neil")
        absences = list(Student.objects.get(pk=31).absences.all())
        form = {**STUDENT, "absences-TOTAL_FORMS": "4", "absences-INITIAL_FORMS": "3", "absences-3-half_day": "1", "_continue": "on"}
        for n, absence in enumerate(absences):
            form |= {f"absences-{n}-id": absence.pk, f"absences-{n}-student": 31, f"absences-{n}-day": absence.day, f"absences-{n}-half_day": absence.half_day}
        form["absences-0-DELETE"] = "on"
        self.assertContains(self.client.post("/admin/school/student/31/change/", form, follow=True), "was changed successfully")
        self.assertEqual(Student.objects.get(pk=31).absences.count(), 2)
        self.assertIn("First name", LogEntry.objects.get().get_change_message())
        self.assertContains(self.page("school/student/31/history/"), "First name")
        self.assertContains(self.page(""), "Ada Byron")

    def test_form_errors(self):
        self.assertContains(self.client.post("/admin/school/student/add/", {**STUDENT, "class_group": 99}), "Please correct the error")
        self.assertContains(self.client.post("/admin/school/classgroup/add/", {"school": 1, "name": "6e A", "year": 2026}), "already exists")

    def test_delete(self):
        self.assertContains(self.page("school/student/31/delete/"), "Absence object")
        self.client.post("/admin/school/student/31/delete/", {"post": "yes"})
        self.assertFalse(Student.objects.filter(pk=31).exists())

    def test_delete_many(self):
        form = {"action": "delete_selected", "_selected_action": [11, 21, 31]}
        self.assertContains(self.client.post("/admin/school/student/", form), "Are you sure")
        self.client.post("/admin/school/student/", {**form, "post": "yes"})
        self.assertEqual(Student.objects.count(), 27)
        self.assertEqual(LogEntry.objects.count(), 3)

    def test_delete_a_class_and_a_club(self):
        for path in ("classgroup/1", "club/1"):
            self.page(f"school/{path}/delete/")
            self.client.post(f"/admin/school/{path}/delete/", {"post": "yes"})
        self.assertEqual((ClassGroup.objects.count(), Club.objects.count(), Student.objects.count()), (1, 1, 30))

    def test_own_action(self):
        form = {"action": "forget_average", "_selected_action": [11, 21], "select_across": "1"}
        self.assertContains(self.client.post("/admin/school/student/", form, follow=True), "30 forgotten")

    def test_autocomplete(self):
        query = {"app_label": "school", "model_name": "student", "field_name": "class_group", "term": "6e"}
        self.assertEqual([row["text"] for row in self.page("autocomplete/", **query).json()["results"]], ["6e A", "6e B"])

    def test_popup_of_a_raw_id(self):
        self.assertContains(self.page("school/student/", _to_field="id", _popup=1), "30 students")
        self.page(f"school/absence/{Absence.objects.first().pk}/change/")

    def test_grades(self):
        self.client.post("/admin/school/grade/add/", {"student": 31, "subject": "maths", "term": 1, "mark": "12.5"})
        self.assertEqual(Grade.objects.filter(student=31).count(), 4)

    def test_view_on_a_missing_object(self):
        self.assertEqual(self.client.get("/admin/school/student/999999/change/").status_code, 302)


class AccountsAdmin(AdminCase):
    def test_list(self):
        self.assertContains(self.page("school/account/"), "3 users")
        self.page("school/account/", is_staff__exact=1, groups__id__exact=Group.objects.get().pk, q="clerk")

    def test_add_and_change(self):
        self.client.post("/admin/school/account/add/", {"username": "new", "password1": "Zx8!kfpq", "password2": "Zx8!kfpq"})
        account = Account.objects.get(username="new")
        self.page(f"school/account/{account.pk}/change/")
        form = {"username": "newer", "school": 1, "groups": [Group.objects.get().pk], "user_permissions": [1], "date_joined_0": "2026-01-01", "date_joined_1": "08:00"}
        self.client.post(f"/admin/school/account/{account.pk}/change/", form)
        account.refresh_from_db()
        self.assertEqual((account.username, account.groups.count(), account.user_permissions.count()), ("newer", 1, 1))

    def test_password(self):
        self.page("school/account/11/password/")
        self.client.post("/admin/school/account/11/password/", {"password1": "Zx8!kfpq", "password2": "Zx8!kfpq"})
        self.assertTrue(Account.objects.get(pk=11).check_password("Zx8!kfpq"))
        self.client.post("/admin/password_change/", {"old_password": "secret", "new_password1": "Zx8!kfpq", "new_password2": "Zx8!kfpq"})
        self.assertTrue(Account.objects.get(pk=1).check_password("Zx8!kfpq"))

    def test_delete(self):
        self.page("school/account/21/delete/")
        self.client.post("/admin/school/account/21/delete/", {"post": "yes"})
        self.assertEqual(Account.objects.count(), 2)
