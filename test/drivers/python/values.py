"""The values of row 2 of `things`, as Python has them."""

import datetime
import decimal
import uuid

FLAG = True
NUMBER = 42
BIG = 9007199254740993
AMOUNT = decimal.Decimal("1234.5600")
RATIO = 0.1
LABEL = "l’été d'O'Brien \"\\𝒜"
DAY = datetime.date(2026, 2, 28)
AT = datetime.datetime(2026, 10, 25, 2, 30, 0, 123456, datetime.timezone(datetime.timedelta(hours=2)))
REF = uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
DOC = {"a": [1, None, "é"]}
BYTES = b"\x00\xff\x10"
NUMBERS = [1, -2, 3]
NAMES = ["a,b", 'c"d', None, ""]
