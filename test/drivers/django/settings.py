"""Settings of a small Django project; the database comes from libpq's environment variables."""

import os

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ["PGHOST"],
        "PORT": os.environ["PGPORT"],
        "USER": os.environ["PGUSER"],
        "PASSWORD": os.environ["PGPASSWORD"],
        "NAME": os.environ["PGDATABASE"],
        # Parameters in the extended protocol, or written into the text by the driver.
        "OPTIONS": {"server_side_binding": os.environ.get("SERVER_SIDE_BINDING") == "on"},
    }
}
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "campus"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "Europe/Paris"
SECRET_KEY = "of a test"
