"""Each database function that Django has, over the school's students."""

import decimal

from django.contrib.postgres.aggregates import BitAnd, BitOr, BoolAnd, BoolOr, Corr, CovarPop, RegrAvgX, RegrCount, RegrIntercept, RegrR2, RegrSlope, RegrSXX
from django.contrib.postgres.functions import RandomUUID, TransactionNow
from django.contrib.postgres.search import SearchHeadline, SearchQuery, SearchVector
from django.db import transaction
from django.db.models import Avg, Count, DateField, DecimalField, DurationField, ExpressionWrapper, F, FloatField, Func, IntegerField, JSONField, Q, StdDev, Sum, TextField, Value, Variance, Window
from django.db.models import functions as f
from django.db.models.fields.json import KT
from django.test import TestCase
from school.models import Absence, Grade, Student

FLOAT = f.Cast("average", FloatField())
ANGLE = f.Cast(F("average") / Value(decimal.Decimal(100)), FloatField())
TEXT = {
    "chr": f.Chr(Value(65), output_field=TextField()),
    "concat": f.Concat("first_name", Value(" "), "last_name", "id", output_field=TextField()),
    "collate": f.Collate("first_name", "C"),
    "left": f.Left("first_name", 2),
    "right": f.Right("first_name", 2),
    "length": f.Length("last_name"),
    "lower": f.Lower("first_name"),
    "upper": f.Upper("first_name"),
    "lpad": f.LPad("first_name", 10, Value("*")),
    "rpad": f.RPad("first_name", 10),
    "ltrim": f.LTrim("first_name"),
    "rtrim": f.RTrim("first_name"),
    "trim": f.Trim("first_name"),
    "md5": f.MD5("last_name"),
    "ord": f.Ord("first_name"),
    "repeat": f.Repeat("first_name", 2),
    "replace": f.Replace("first_name", Value("a"), Value("b")),
    "reverse": f.Reverse("first_name"),
    "index": f.StrIndex("last_name", Value("u")),
    "substring": f.Substr("last_name", 2, 3),
    "headline": SearchHeadline("last_name", SearchQuery("dupont")),
    "custom": Func(F("first_name"), function="initcap"),
}
NUMBERS = {
    "abs": f.Abs("average"),
    "acos": f.ACos(ANGLE),
    "asin": f.ASin(ANGLE),
    "atan": f.ATan(FLOAT),
    "atan2": f.ATan2(FLOAT, Value(2.0)),
    "ceil": f.Ceil("average"),
    "cos": f.Cos(FLOAT),
    "cot": f.Cot(FLOAT + Value(1.0)),
    "degrees": f.Degrees(FLOAT),
    "exp": f.Exp(ANGLE),
    "floor": f.Floor("average"),
    "ln": f.Ln(FLOAT + Value(1.0)),
    "log": f.Log(Value(10), F("average") + 1),
    "mod": f.Mod("id", 7),
    "pi": f.Pi(),
    "power": f.Power(FLOAT, Value(2)),
    "radians": f.Radians(FLOAT),
    "round": f.Round("average", precision=1),
    "sign": f.Sign("average"),
    "sin": f.Sin(FLOAT),
    "sqrt": f.Sqrt("average"),
    "tan": f.Tan(FLOAT),
    "remainder": ExpressionWrapper(F("id") % 10, output_field=IntegerField()),
    "power of": ExpressionWrapper(F("id") ** 2, output_field=FloatField()),
    "bits": F("id").bitand(7).bitor(8).bitxor(1).bitleftshift(2).bitrightshift(1),
    "division": ExpressionWrapper(F("average") / (F("id") - 1), output_field=DecimalField(max_digits=20, decimal_places=10)),
}
DATES = {
    "now": f.Now(),
    "transaction": TransactionNow(),
    "age": ExpressionWrapper(f.Now() - F("enrolled_at"), output_field=DurationField()),
    "days": ExpressionWrapper(f.TruncDate("enrolled_at") - F("birth_date"), output_field=DurationField()),
    **{part: f.Extract("enrolled_at", part) for part in ("year", "iso_year", "month", "day", "week", "week_day", "iso_week_day", "quarter", "hour", "minute", "second")},
    **{f"trunc {kind}": f.Trunc("enrolled_at", kind) for kind in ("year", "quarter", "month", "week", "day", "hour", "minute", "second")},
    **{f"birth {kind}": f.Trunc("birth_date", kind, output_field=DateField()) for kind in ("year", "quarter", "month", "week")},
    "time": f.TruncTime("enrolled_at"),
}
OTHERS = {
    "cast": f.Cast("average", IntegerField()),
    "cast to text": f.Cast("birth_date", TextField()),
    "coalesce": f.Coalesce("average", Value(decimal.Decimal(0))),
    "greatest": f.Greatest("average", "average"),
    "least": f.Least("id", "class_group_id"),
    "nullif": f.NullIf("sex", Value("F")),
    "object": f.JSONObject(name="first_name", mark=F("average")),
    "key": KT("extra__siblings__0"),
    "part": F("extra__bus"),
    "element": F("tags__0"),
    "uuid": RandomUUID(),
    "random": f.Random(),
    "vector": SearchVector("first_name", weight="A") + SearchVector("last_name", weight="B"),
    "value": Value({"a": 1}, output_field=JSONField()),
}
BY_AVERAGE = {"order_by": ["average", "id"], "partition_by": ["sex"]}
WINDOWS = {
    "row number": Window(f.RowNumber(), **BY_AVERAGE),
    "rank": Window(f.Rank(), **BY_AVERAGE),
    "dense rank": Window(f.DenseRank(), **BY_AVERAGE),
    "percent rank": Window(f.PercentRank(), **BY_AVERAGE),
    "cume dist": Window(f.CumeDist(), **BY_AVERAGE),
    "ntile": Window(f.Ntile(4), **BY_AVERAGE),
    "sum": Window(Sum("average"), **BY_AVERAGE),
    "count": Window(Count("id", filter=Q(average__gt=10)), **BY_AVERAGE),
}
AGGREGATES = {
    "variance": Variance("mark"),
    "deviation": StdDev("mark", sample=True),
    "distinct": Count("subject", distinct=True),
    "average": Avg("mark", filter=Q(term=1), default=0),
    "bits": BitAnd("term"),
    "more bits": BitOr("term"),
    "all": BoolAnd(Q(mark__gte=0)),
    "any": BoolOr(Q(mark__gte=20)),
    "correlation": Corr(y="mark", x="term"),
    "covariance": CovarPop(y="mark", x="term"),
    "regression": RegrSlope(y="mark", x="id"),
    "intercept": RegrIntercept(y="mark", x="id"),
    "mean": RegrAvgX(y="mark", x="id"),
    "n": RegrCount(y="mark", x="id"),
    "r2": RegrR2(y="mark", x="id"),
    "sxx": RegrSXX(y="mark", x="id"),
}


class Functions(TestCase):
    def check(self, expressions):
        for name, expression in expressions.items():
            with self.subTest(name), transaction.atomic():
                students = Student.objects.annotate(shown=expression)
                self.assertEqual(len(students.values_list("id", "shown")), 30)
                self.assertEqual(len(students.order_by("shown", "id")[:10]), 10)

    def test_text(self):
        self.check(TEXT)

    def test_numbers(self):
        self.check(NUMBERS)

    def test_dates(self):
        self.check(DATES)

    def test_others(self):
        self.check(OTHERS)

    def test_windows(self):
        self.check(WINDOWS)

    def test_conditions(self):
        for name, expression in {**TEXT, **DATES}.items():
            with self.subTest(name), transaction.atomic():
                students = Student.objects.annotate(shown=expression).filter(shown__isnull=False)
                self.assertGreaterEqual(students.count(), 25)
                self.assertGreaterEqual(students.order_by().values("shown").annotate(n=Count("id")).count(), 1)

    def test_aggregates(self):
        for name, aggregate in AGGREGATES.items():
            with self.subTest(name), transaction.atomic():
                Grade.objects.aggregate(found=aggregate)
                self.assertEqual(len(Grade.objects.order_by().values("student").annotate(found=aggregate)), 30)
                self.assertEqual(len(Student.objects.annotate(n=Count("grades"), last=f.Length("first_name")).values("n", "last")), 30)

    def test_absences_by_day(self):
        self.assertEqual(len(Absence.objects.order_by("day").values("day").annotate(n=Count("student", distinct=True)).filter(n__gte=1)), 15)
