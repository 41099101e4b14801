# Django: each request is a transaction that begins by saying whose it is.
from django.db import connection, transaction


class TokenMiddleware:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('rowgate.token', %s, true)", [token])
            return self.get_response(request)

    def process_exception(self, request, exception):
        transaction.set_rollback(True)  # Django makes a page of it, and what was written half would stay
