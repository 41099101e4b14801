"""The project's commands: `migrate`, `seed SCHOOL…`, and `test [LABEL…]`, which prints each test's outcome as JSON."""

import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"

import django

django.setup()

from django.core.management import call_command
from django.test.runner import DiscoverRunner
from unittest import TextTestResult


class Outcomes(TextTestResult):
    """Remembers the outcome of each test by its name."""

    by_name = {}

    def startTest(self, test):
        super().startTest(test)
        self.by_name[test.id()] = "passed"

    def addError(self, test, err):
        super().addError(test, err)
        self.by_name[test.id()] = self.errors[-1][1]

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.by_name[test.id()] = self.failures[-1][1]

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.by_name[test.id()] = self._exc_info_to_string(err, subtest)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.by_name[test.id()] = "skipped"


class ReadyDatabase(DiscoverRunner):
    """Runs in the database of the settings, which was migrated by its owner: the site's role may not create one."""

    def setup_databases(self, **_options):
        return []

    def teardown_databases(self, _databases, **_options):
        pass

    def get_resultclass(self):
        return Outcomes


def run_tests(labels):
    ReadyDatabase(verbosity=0, interactive=False).run_tests(labels or ["school"])
    print(json.dumps(Outcomes.by_name))


command, *words = sys.argv[1:]
if command == "migrate":
    call_command("migrate", verbosity=0)
elif command == "seed":
    call_command("seed", *words)
elif command == "test":
    run_tests(words)
else:
    sys.exit(f"unknown command {command}")
