"""Logs in by libpq 18 and a token that its hook gives, as an application does that brings its own OAuth flow. Prints one JSON object."""
import ctypes
import json
import os
import sys

BEARER_TOKEN = 1  # PQAUTHDATA_OAUTH_BEARER_TOKEN
CONNECTION_OK = 0
TUPLES_OK = 2


class BearerRequest(ctypes.Structure):
    """PGoauthBearerRequest of libpq-fe.h."""

    _fields_ = [
        ("openid_configuration", ctypes.c_char_p),
        ("scope", ctypes.c_char_p),
        ("async_", ctypes.c_void_p),
        ("cleanup", ctypes.c_void_p),
        ("token", ctypes.c_char_p),
        ("user", ctypes.c_void_p),
    ]


libpq = ctypes.CDLL(os.environ["LIBPQ"])
libpq.PQconnectdb.restype = ctypes.c_void_p
libpq.PQstatus.argtypes = [ctypes.c_void_p]
libpq.PQerrorMessage.argtypes = [ctypes.c_void_p]
libpq.PQerrorMessage.restype = ctypes.c_char_p
libpq.PQexec.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
libpq.PQexec.restype = ctypes.c_void_p
libpq.PQresultStatus.argtypes = [ctypes.c_void_p]
libpq.PQgetvalue.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
libpq.PQgetvalue.restype = ctypes.c_char_p
libpq.PQfinish.argtypes = [ctypes.c_void_p]

token = os.environb[b"TOKEN"]
asked = []


@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
def hook(kind, _connection, data):
    if kind != BEARER_TOKEN:
        return 0
    request = ctypes.cast(data, ctypes.POINTER(BearerRequest)).contents
    asked.append([(request.openid_configuration or b"").decode(), (request.scope or b"").decode()])
    request.token = token
    return 1


libpq.PQsetAuthDataHook(hook)
connection = libpq.PQconnectdb(os.environb[b"CONNINFO"])
said = {"version": libpq.PQlibVersion(), "asked": asked}
if libpq.PQstatus(connection) == CONNECTION_OK:
    result = libpq.PQexec(connection, sys.argv[1].encode())
    if libpq.PQresultStatus(result) == TUPLES_OK:
        said["value"] = libpq.PQgetvalue(result, 0, 0).decode()
said["error"] = libpq.PQerrorMessage(connection).decode()
libpq.PQfinish(connection)
print(json.dumps(said))
