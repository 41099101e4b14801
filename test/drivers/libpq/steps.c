/* libpq itself: the extended protocol, pipeline mode, rows in chunks, and cancel requests as of version 17. */
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lines.h"

#define BOOLOID 16
#define BYTEAOID 17
#define INT8OID 20
#define INT4OID 23
#define TEXTOID 25
#define FLOAT8OID 701
#define INT4ARRAYOID 1007
#define TEXTARRAYOID 1009
#define DATEOID 1082
#define TIMESTAMPTZOID 1184
#define NUMERICOID 1700
#define UUIDOID 2950
#define JSONBOID 3802

static PGconn *connection;
static const char *driver;

static void die(const char *what)
{
    fprintf(stderr, "%s: %s", what, PQerrorMessage(connection));
    exit(1);
}

/* Runs what must succeed; `parameters` end with NULL and are text, of types that the server finds out. */
static PGresult *run(const char *sql, const char *const *parameters)
{
    int count = 0;
    while (parameters && parameters[count])
        count++;
    PGresult *result = PQexecParams(connection, sql, count, NULL, parameters, NULL, NULL, 0);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
        die(sql);
    return result;
}

static void do_run(const char *sql)
{
    PQclear(run(sql, NULL));
}

static void do_run_for_driver(const char *sql)
{
    PQclear(run(sql, (const char *[]){driver, NULL}));
}

static void print_after(void)
{
    PGresult *result = run("SELECT 42", NULL);
    printf("\"after\":%s", PQgetvalue(result, 0, 0));
    PQclear(result);
}

static const char *sqlstate_of(const PGresult *result)
{
    return PQresultErrorField(result, PG_DIAG_SQLSTATE);
}

static void step_connect(void)
{
    connection = PQconnectdb("");
    if (PQstatus(connection) != CONNECTION_OK)
        die("connect");
    PGresult *result = run("SHOW server_version_num", NULL);
    print_string(PQgetvalue(result, 0, 0));
    PQclear(result);
}

/* Those in binary too whose form is short to read. */
static void step_typed_parameters(void)
{
    static const Oid types[] = {BOOLOID, INT4OID, INT8OID, NUMERICOID, FLOAT8OID, TEXTOID, DATEOID, TIMESTAMPTZOID, UUIDOID,
                                JSONBOID, BYTEAOID, INT4ARRAYOID, TEXTARRAYOID};
    static const char number[] = {0, 0, 0, 42};
    static const char bytes[] = {0, (char)0xff, 0x10};
    const char *values[] = {"true", number, "9007199254740993", "1234.56", "0.1", "l’été d'O'Brien \"\\𝒜", "2026-02-28",
                            "2026-10-25 02:30:00.123456+02", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
                            "{\"a\": [1, null, \"é\"]}", bytes, "{1,-2,3}", "{\"a,b\",\"c\\\"d\",NULL,\"\"}"};
    const int lengths[] = {0, sizeof number, 0, 0, 0, 0, 0, 0, 0, 0, sizeof bytes, 0, 0};
    const int formats[] = {0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0};
    PGresult *result = PQexecParams(
        connection,
        "SELECT flag, number, big, amount, ratio, label, day, at, ref, doc, bytes, numbers, names FROM things WHERE flag = $1 AND"
        " number = $2 AND big = $3 AND amount = $4 AND ratio = $5 AND label = $6 AND day = $7 AND at = $8 AND ref = $9 AND"
        " doc = $10 AND bytes = $11 AND numbers = $12 AND names = $13",
        13, types, values, lengths, formats, 0);
    if (PQntuples(result) != 1)
        die("typed parameters");
    for (int i = 0; i < PQnfields(result); i++)
    {
        putchar(i ? ',' : '{');
        print_member(PQfname(result, i), PQgetvalue(result, 0, i));
    }
    putchar('}');
    PQclear(result);
}

static void step_prepared(void)
{
    PQclear(PQprepare(connection, "one", "SELECT label FROM measures WHERE id = $1", 1, (Oid[]){INT4OID}));
    for (int id = 2; id <= 20; id += 2)
    {
        char text[12];
        snprintf(text, sizeof text, "%d", id);
        PGresult *result = PQexecPrepared(connection, "one", 1, (const char *[]){text}, NULL, NULL, 0);
        if (PQntuples(result) != 1)
            die("prepared");
        putchar(id > 2 ? ',' : '[');
        print_string(PQgetvalue(result, 0, 0));
        PQclear(result);
    }
    putchar(']');
    PQclear(PQclosePrepared(connection, "one"));
}

static void insert_note(const char *body)
{
    PQclear(run("INSERT INTO notes (driver, body) VALUES ($1, $2)", (const char *[]){driver, body, NULL}));
}

static void step_transactions(void)
{
    do_run_for_driver("DELETE FROM notes WHERE driver = $1");
    do_run("BEGIN");
    insert_note("a");
    do_run("ROLLBACK");
    do_run("BEGIN");
    insert_note("b");
    do_run("SAVEPOINT s");
    insert_note("c");
    do_run("ROLLBACK TO SAVEPOINT s");
    insert_note("d");
    do_run("COMMIT");
    PGresult *result = run("SELECT body FROM notes WHERE driver = $1 ORDER BY body", (const char *[]){driver, NULL});
    for (int i = 0; i < PQntuples(result); i++)
    {
        putchar(i ? ',' : '[');
        print_string(PQgetvalue(result, i, 0));
    }
    putchar(']');
    PQclear(result);
}

static void print_error(const PGresult *result)
{
    print_member("sqlstate", sqlstate_of(result));
    putchar(',');
    print_member("message", PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
    putchar(',');
}

static void step_errors(void)
{
    do_run("BEGIN");
    PGresult *first = PQexec(connection, "SELECT 1/0");
    PGresult *second = PQexec(connection, "SELECT 1");
    do_run("ROLLBACK");
    putchar('{');
    print_error(first);
    print_member("failed", sqlstate_of(second));
    putchar(',');
    print_after();
    putchar('}');
    PQclear(first);
    PQclear(second);
}

static void step_refusal(void)
{
    PGresult *result = PQexecParams(connection, "SELECT ine FROM students WHERE id = 1", 0, NULL, NULL, NULL, NULL, 0);
    putchar('{');
    if (PQresultStatus(result) == PGRES_TUPLES_OK)
    {
        printf("\"rows\":[[");
        print_string(PQgetvalue(result, 0, 0));
        printf("]],");
    }
    else
        print_error(result);
    print_after();
    putchar('}');
    PQclear(result);
}

static void step_cancel(void)
{
    if (!PQsendQuery(connection, "SELECT count(*) FROM measures AS a, measures AS b, measures AS c"))
        die("send");
    nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
    /* Over TLS where the connection is, unlike PQcancel. */
    PGcancelConn *request = PQcancelCreate(connection);
    if (!PQcancelBlocking(request))
    {
        fprintf(stderr, "cancel: %s", PQcancelErrorMessage(request));
        exit(1);
    }
    PQcancelFinish(request);
    PGresult *result = PQgetResult(connection);
    putchar('{');
    print_member("sqlstate", sqlstate_of(result));
    putchar(',');
    PQclear(result);
    while ((result = PQgetResult(connection)))
        PQclear(result);
    print_after();
    putchar('}');
}

static long sum_of_ids(const PGresult *result)
{
    long sum = 0;
    for (int i = 0; i < PQntuples(result); i++)
        sum += atol(PQgetvalue(result, i, 0));
    return sum;
}

static void step_cursor(void)
{
    long rows = 0, sum = 0, fetched;
    do_run("BEGIN");
    do_run("DECLARE all_measures CURSOR FOR SELECT id, label FROM measures ORDER BY id");
    do
    {
        PGresult *result = run("FETCH 1000 FROM all_measures", NULL);
        fetched = PQntuples(result);
        rows += fetched;
        sum += sum_of_ids(result);
        PQclear(result);
    } while (fetched);
    do_run("COMMIT");
    printf("{\"rows\":%ld,\"sum\":%ld}", rows, sum);
}

static void step_copy(void)
{
    do_run_for_driver("DELETE FROM notes WHERE driver = $1");
    PQclear(PQexec(connection, "COPY (SELECT id, label FROM measures WHERE id <= 1000 ORDER BY id) TO STDOUT"));
    int out = 0;
    char *line;
    while (PQgetCopyData(connection, &line, 0) > 0)
    {
        out++;
        PQfreemem(line);
    }
    PQclear(PQgetResult(connection));
    if (PQgetResult(connection))
        die("COPY TO");
    PQclear(PQexec(connection, "COPY notes (driver, body) FROM STDIN"));
    for (int i = 0; i < 1000; i++)
    {
        char row[100];
        snprintf(row, sizeof row, "%s\tline %d\n", driver, i);
        PQputCopyData(connection, row, (int)strlen(row));
    }
    PQputCopyEnd(connection, NULL);
    PGresult *result;
    while ((result = PQgetResult(connection)))
        PQclear(result);
    result = run("SELECT count(*) FROM notes WHERE driver = $1", (const char *[]){driver, NULL});
    printf("{\"out\":%d,\"in\":%s}", out, PQgetvalue(result, 0, 0));
    PQclear(result);
    do_run_for_driver("DELETE FROM notes WHERE driver = $1");
}

static void send(const char *sql)
{
    if (!PQsendQueryParams(connection, sql, 0, NULL, NULL, NULL, NULL, 0))
        die(sql);
}

/* Prints the results of a pipeline up to its last sync: a status for each, or its SQLSTATE, or its only value. */
static void print_pipeline(int syncs)
{
    putchar('[');
    for (int first = 1; syncs > 0;)
    {
        PGresult *result = PQgetResult(connection);
        if (!result)
            continue;
        ExecStatusType status = PQresultStatus(result);
        printf(first ? "" : ",");
        first = 0;
        if (status == PGRES_FATAL_ERROR)
            print_string(sqlstate_of(result));
        else if (status == PGRES_TUPLES_OK && PQntuples(result) == 1)
            print_string(PQgetvalue(result, 0, 0));
        else
            print_string(PQresStatus(status));
        if (status == PGRES_PIPELINE_SYNC)
            syncs--;
        PQclear(result);
        if (PQstatus(connection) != CONNECTION_OK)
            die("pipeline");
    }
    putchar(']');
}

/* Errors in the middle: what stands before them in the same pipeline is undone, what follows is not run, up to the sync. */
static void step_pipeline(void)
{
    PQenterPipelineMode(connection);
    send("SELECT 1");
    send("INSERT INTO notes (driver, body) VALUES ('pipeline', 'undone')");
    send("SELECT 1/0");
    send("SELECT 2");
    PQpipelineSync(connection);
    send("SELECT 3");
    send("SELECT ine FROM students WHERE id = 1");
    send("SELECT 4");
    PQsendPipelineSync(connection);
    send("SELECT count(*) FROM notes WHERE driver = 'pipeline'");
    PQpipelineSync(connection);
    print_pipeline(3);
    PQexitPipelineMode(connection);
}

static void step_chunks(void)
{
    long chunks = 0, rows = 0, sum = 0;
    PQsendQueryParams(connection, "SELECT id, label FROM measures ORDER BY id", 0, NULL, NULL, NULL, NULL, 0);
    if (!PQsetChunkedRowsMode(connection, 1000))
        die("chunks");
    PGresult *result;
    while ((result = PQgetResult(connection)))
    {
        if (PQresultStatus(result) == PGRES_TUPLES_CHUNK)
            chunks++;
        else if (PQresultStatus(result) != PGRES_TUPLES_OK)
            die("chunks");
        rows += PQntuples(result);
        sum += sum_of_ids(result);
        PQclear(result);
    }
    printf("{\"chunks\":%ld,\"rows\":%ld,\"sum\":%ld}", chunks, rows, sum);
}

/* Prepares, describes, runs and closes in one pipeline; then the name is free, and running it fails. */
static void step_closing(void)
{
    PQenterPipelineMode(connection);
    PQsendPrepare(connection, "brief", "SELECT label FROM measures WHERE id = $1", 0, NULL);
    PQsendDescribePrepared(connection, "brief");
    PQsendQueryPrepared(connection, "brief", 1, (const char *[]){"2"}, NULL, NULL, 0);
    PQsendClosePrepared(connection, "brief");
    PQsendFlushRequest(connection);
    PQpipelineSync(connection);
    PQsendQueryPrepared(connection, "brief", 1, (const char *[]){"2"}, NULL, NULL, 0);
    PQpipelineSync(connection);
    print_pipeline(2);
    PQexitPipelineMode(connection);
}

int main(void)
{
    static const struct
    {
        const char *name;
        void (*take)(void);
    } steps[] = {
        {"connect", step_connect},
        {"typed parameters", step_typed_parameters},
        {"prepared statements", step_prepared},
        {"transactions", step_transactions},
        {"errors", step_errors},
        {"refusal", step_refusal},
        {"cancel", step_cancel},
        {"cursor", step_cursor},
        {"copy", step_copy},
        {"pipeline with errors", step_pipeline},
        {"chunked rows", step_chunks},
        {"closing in a pipeline", step_closing},
    };
    driver = getenv("ROWGATE_DRIVER");
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
    {
        begin_step(steps[i].name);
        steps[i].take();
        end_step();
    }
    PQfinish(connection);
    return 0;
}
