"""Sessions in the database, in a table that says of which school each is."""

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore


class SessionStore(DatabaseStore):
    @classmethod
    def get_model_class(cls):
        from school.models import Session

        return Session
