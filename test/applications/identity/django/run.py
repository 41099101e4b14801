"""Answers the requests on standard input by a Django site with `middleware.py`: a connection for each of two threads."""

import logging
import os
import sys
from pathlib import Path
from wsgiref.util import setup_testing_defaults

sys.path.append(str(Path(__file__).parent.parent))

from answer import Broken, answer_all, pause, state_of
from django.conf import settings

NAMES = {"HOST": "PGHOST", "PORT": "PGPORT", "USER": "PGUSER", "PASSWORD": "PGPASSWORD", "NAME": "PGDATABASE"}
DATABASE = {
    "ENGINE": "django.db.backends.postgresql",
    "CONN_MAX_AGE": None,
    "OPTIONS": {"server_side_binding": os.environ["SERVER_SIDE_BINDING"] == "on", "prepare_threshold": 1},
    **{name: os.environ[variable] for name, variable in NAMES.items()},
}
settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": DATABASE},
    MIDDLEWARE=["middleware.TokenMiddleware"],
    ROOT_URLCONF=__name__,
)

from django.core.wsgi import get_wsgi_application
from django.db import connection, models
from django.http import HttpResponse
from django.urls import path

application = get_wsgi_application()
logging.disable()


class Pupil(models.Model):
    family_id = models.BigIntegerField()
    note = models.TextField()

    class Meta:
        app_label, db_table, managed = "portal", "pupils", False


class Item(models.Model):
    title = models.TextField()

    class Meta:
        app_label, db_table, managed = "portal", "news", False


kept = {}


def families(query):
    return " ".join(str(pupil.family_id) for pupil in query.all())


def view(request, page, number):
    query = Pupil.objects.filter(id__gt=0)
    if page == "news":
        return HttpResponse(Item.objects.get().title)
    if page == "breaks":
        Pupil.objects.update(note="half")
        raise Broken("of the application")
    if page == "commits":
        connection.cursor().execute("COMMIT")
        return HttpResponse(families(query))
    first = families(query)
    if page == "fails":
        Pupil.objects.extra(select={"nosuch": "nosuch"}).get()
    if page == "kept":
        kept[number] = query
    pause()
    return HttpResponse(f"{first},{families(query)}")


def failed(_request):
    error = sys.exc_info()[1]
    code = "broken" if isinstance(error, Broken) else state_of(error)
    return HttpResponse(f"{code}\t{error}", status=500)


urlpatterns = [path("<page>/<number>", view)]
handler500 = failed


class Failed(Exception):
    def __init__(self, text):
        self.sqlstate, message = text.split("\t", 1)
        super().__init__(message)


def get(page, number, token):
    environ = {"PATH_INFO": f"/{page}/{number}", **({"HTTP_AUTHORIZATION": f"Bearer {token}"} if token else {})}
    setup_testing_defaults(environ)
    status = []
    body = b"".join(application(environ, lambda line, _headers: status.append(line))).decode()
    if not status[0].startswith("200"):
        raise Failed(body)
    return [body]


def answer(page, token):
    if page == "outside":
        return [families(Pupil.objects)]
    number = str(id(object()))
    body = get(page, number, token)
    # A query that is asked behind the response.
    return [families(kept[number])] if page == "kept" else body


answer_all(answer, 2)
