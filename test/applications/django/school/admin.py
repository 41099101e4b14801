"""The admin site's pages."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from school.models import Absence, Account, ClassGroup, Club, Grade, School, Student


class AbsenceInline(admin.TabularInline):
    model = Absence
    extra = 1
    autocomplete_fields = ["noted_by"]


@admin.register(Student)
class StudentAdmin(admin.ModelAdmin):
    list_display = ["last_name", "first_name", "class_group", "sex", "average"]
    list_editable = ["average"]
    list_filter = ["sex", "class_group", "clubs"]
    list_per_page = 10
    search_fields = ["first_name", "last_name", "class_group__name"]
    date_hierarchy = "birth_date"
    autocomplete_fields = ["class_group"]
    filter_horizontal = ["clubs"]
    exclude = ["ine", "school"]
    inlines = [AbsenceInline]
    actions = ["forget_average"]

    @admin.action(description="Forget the average")
    def forget_average(self, request, students):
        self.message_user(request, f"{students.update(average=None)} forgotten")


@admin.register(ClassGroup)
class ClassGroupAdmin(admin.ModelAdmin):
    search_fields = ["name"]
    list_display = ["name", "year", "school"]
    list_select_related = ["school"]


@admin.register(Absence)
class AbsenceAdmin(admin.ModelAdmin):
    list_display = ["student", "day", "half_day", "justified"]
    list_filter = ["justified", "day"]
    raw_id_fields = ["student"]
    date_hierarchy = "day"


@admin.register(Account)
class AccountAdmin(UserAdmin):
    fieldsets = UserAdmin.fieldsets + ((None, {"fields": ["school"]}),)


admin.site.register([School, Club, Grade])
