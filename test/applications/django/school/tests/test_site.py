"""The site's own pages, through Django's test client: login, sessions, permissions, forms."""

from django.contrib.auth import authenticate
from django.contrib.auth.models import Group, Permission
from django.test import TestCase
from school.models import Absence, Account, ClassGroup, Session, Student


class Logins(TestCase):
    def test_login_and_logout(self):
        answer = self.client.post("/login/", {"username": "clerk1", "password": "secret"})
        self.assertRedirects(answer, "/students/")
        self.assertEqual(Session.objects.get().school_id, 1)
        self.assertIsNotNone(Account.objects.get(username="clerk1").last_login)
        self.client.post("/logout/")
        self.assertEqual(Session.objects.count(), 0)
        self.assertEqual(self.client.get("/students/").status_code, 302)

    def test_wrong_password(self):
        self.assertEqual(self.client.post("/login/", {"username": "clerk1", "password": "x"}).status_code, 200)
        self.assertIsNone(authenticate(username="nobody", password="secret"))

    def test_session_data(self):
        session = self.client.session
        session["page"] = 3
        session.save()
        self.assertEqual(self.client.session["page"], 3)
        session.cycle_key()
        session.clear_expired()
        session.flush()
        self.assertEqual(Session.objects.count(), 0)

    def test_accounts_and_passwords(self):
        account = Account.objects.create_user("new", password="first")
        account.set_password("second")
        account.save()
        self.assertEqual(authenticate(username="new", password="second"), account)

    def test_permissions(self):
        clerk = Account.objects.get(username="clerk1")
        self.assertTrue(clerk.has_perms(["school.add_student", "school.report_class"]))
        self.assertIn("school.view_grade", clerk.get_group_permissions())
        guest = Account.objects.get(username="guest1")
        self.assertFalse(guest.has_perm("school.add_student"))
        guest.groups.add(Group.objects.get(name="office"))
        guest.user_permissions.add(Permission.objects.get(codename="add_group"))
        self.assertTrue(Account.objects.get(pk=guest.pk).has_perms(["school.add_student", "auth.add_group"]))
        self.assertEqual(Account.objects.with_perm("school.add_student", include_superusers=False, backend="django.contrib.auth.backends.ModelBackend").count(), 2)


class Pages(TestCase):
    def setUp(self):
        self.client.force_login(Account.objects.get(username="clerk1"))

    def test_list(self):
        self.assertContains(self.client.get("/students/"), "1 of 3, 30 in all")
        self.assertContains(self.client.get("/students/?page=last"), "3 of 3")

    def test_list_found_by_a_word(self):
        self.assertContains(self.client.get("/students/?q=DUPONT"), "1 of 1, 7 in all")
        self.assertContains(self.client.get("/students/?q=%25"), "8 in all")

    def test_detail(self):
        with self.assertNumQueries(6):
            self.assertContains(self.client.get("/students/31/"), "Collège 1, 6e B")

    def test_create(self):
        self.assertContains(self.client.get("/students/new/"), "6e A")
        group = ClassGroup.objects.get(name="6e A")
        form = {"first_name": "Ada", "last_name": "Byron", "sex": "F", "class_group": group.pk, "tags": "bus,canteen", "clubs": [1, 11]}
        self.assertRedirects(self.client.post("/students/new/", form), "/students/")
        student = Student.objects.get(last_name="Byron")
        self.assertEqual((student.tags, student.clubs.count(), student.school_id), (["bus", "canteen"], 2, 1))

    def test_form_errors(self):
        self.assertContains(self.client.post("/students/new/", {"first_name": "Ada", "class_group": 99}), "not one of the available choices")

    def test_edit(self):
        self.assertContains(self.client.get("/students/31/edit/"), "O&#x27;Neil")
        form = {"first_name": "Oona", "last_name": "O'Neil", "sex": "F", "birth_date": "2014-04-01"}
        self.assertRedirects(self.client.post("/students/31/edit/", form), "/students/")
        self.assertEqual(Student.objects.get(pk=31).first_name, "Oona")

    def test_delete(self):
        self.assertRedirects(self.client.post("/students/31/delete/"), "/students/")
        self.assertEqual((Student.objects.count(), Absence.objects.count()), (29, 57))

    def test_absences(self):
        form = {"day": "2026-11-02", "half_day": "1"}
        first = self.client.post("/students/31/absences/", form).json()
        again = self.client.post("/students/31/absences/", {**form, "justified": "on"}).json()
        self.assertEqual((first["made"], again["made"], again["id"], again["count"]), (True, False, first["id"], 4))
        self.assertEqual(self.client.post("/students/31/absences/", {"day": "?"}).status_code, 400)

    def test_report(self):
        report = self.client.get("/classes/1/report/").json()
        self.assertEqual((report["size"], [row["n"] for row in report["marks"]]), (15, [15, 15, 15]))

    def test_report_without_permission(self):
        self.client.force_login(Account.objects.get(username="guest1"))
        self.assertEqual(self.client.get("/classes/1/report/").status_code, 403)

    def test_not_found(self):
        self.assertEqual(self.client.get("/students/999999/").status_code, 404)
