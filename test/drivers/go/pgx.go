// pgx: extended protocol with statements that it prepares by itself, values in binary, batches in one go, COPY in both directions.
package main

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgx/v4"
)

var background = context.Background()
var connection *pgx.Conn

func main() {
	step("connect", connect)
	step("typed parameters", typedParameters)
	step("prepared statements", preparedStatements)
	step("transactions", transactions)
	step("errors", errors)
	step("refusal", refusal)
	step("cancel", cancel)
	step("cursor", cursor)
	step("copy", copyBoth)
	step("batch with an error", batch)
	must(connection.Close(background))
}

func connect() interface{} {
	var err error
	connection, err = pgx.Connect(background, "")
	must(err)
	return text("SHOW server_version_num")
}

func typedParameters() interface{} {
	values := []interface{}{
		true, int32(42), int64(9007199254740993), "1234.5600", 0.1, "l’été d'O'Brien \"\\𝒜", time.Date(2026, 2, 28, 0, 0, 0, 0, time.UTC),
		time.Date(2026, 10, 25, 0, 30, 0, 123456000, time.UTC), "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
		map[string]interface{}{"a": []interface{}{1, nil, "é"}}, []byte{0, 0xff, 0x10}, []int32{1, -2, 3},
		[]*string{pointer("a,b"), pointer(`c"d`), nil, pointer("")},
	}
	rows, err := connection.Query(background, selectThings(), values...)
	must(err)
	defer rows.Close()
	if !rows.Next() {
		panic(rows.Err())
	}
	found, err := rows.Values()
	must(err)
	result := object{}
	for i, column := range columns {
		result[column] = form(found[i])
	}
	return result
}

func pointer(text string) *string {
	return &text
}

func preparedStatements() interface{} {
	_, err := connection.Prepare(background, "one", "SELECT label FROM measures WHERE id = $1")
	must(err)
	labels := []string{}
	for id := 2; id <= 20; id += 2 {
		labels = append(labels, text("one", id))
	}
	must(connection.Deallocate(background, "one"))
	return labels
}

func transactions() interface{} {
	run("DELETE FROM notes WHERE driver = $1", driver)
	insert := func(transaction pgx.Tx, body string) {
		_, err := transaction.Exec(background, "INSERT INTO notes (driver, body) VALUES ($1, $2)", driver, body)
		must(err)
	}
	transaction, err := connection.Begin(background)
	must(err)
	insert(transaction, "a")
	must(transaction.Rollback(background))
	transaction, err = connection.BeginTx(background, pgx.TxOptions{IsoLevel: pgx.Serializable})
	must(err)
	insert(transaction, "b")
	nested, err := transaction.Begin(background)
	must(err)
	insert(nested, "c")
	must(nested.Rollback(background))
	insert(transaction, "d")
	must(transaction.Commit(background))
	rows, err := connection.Query(background, "SELECT body FROM notes WHERE driver = $1 ORDER BY body", driver)
	must(err)
	defer rows.Close()
	bodies := []string{}
	for rows.Next() {
		var body string
		must(rows.Scan(&body))
		bodies = append(bodies, body)
	}
	return bodies
}

func errors() interface{} {
	run("BEGIN")
	first := failure("SELECT 1/0")
	second := failure("SELECT 1")
	run("ROLLBACK")
	return object{"sqlstate": first.Code, "message": first.Message, "failed": second.Code, "after": after()}
}

func refusal() interface{} {
	var ine string
	err := connection.QueryRow(background, "SELECT ine FROM students WHERE id = 1").Scan(&ine)
	if failed, is := err.(*pgconn.PgError); is {
		return object{"sqlstate": failed.Code, "message": failed.Message, "after": after()}
	}
	must(err)
	return object{"rows": [][]string{{ine}}, "after": after()}
}

// A context that ends would end the connection, too.
func cancel() interface{} {
	soon(func() { must(connection.PgConn().CancelRequest(background)) })
	return object{"sqlstate": failure(tripleJoin).Code, "after": after()}
}

func cursor() interface{} {
	run("BEGIN")
	run("DECLARE all_measures CURSOR FOR SELECT id, label FROM measures ORDER BY id")
	total, sum := 0, 0
	for fetched := 1; fetched > 0; total += fetched {
		rows, err := connection.Query(background, "FETCH 1000 FROM all_measures")
		must(err)
		fetched = 0
		for rows.Next() {
			var id int
			var label string
			must(rows.Scan(&id, &label))
			sum += id
			fetched++
		}
		must(rows.Err())
	}
	run("COMMIT")
	return object{"rows": total, "sum": sum}
}

// COPY FROM in binary.
func copyBoth() interface{} {
	run("DELETE FROM notes WHERE driver = $1", driver)
	var out bytes.Buffer
	_, err := connection.PgConn().CopyTo(background, &out, "COPY (SELECT id, label FROM measures WHERE id <= 1000 ORDER BY id) TO STDOUT")
	must(err)
	lines := [][]interface{}{}
	for i := 0; i < 1000; i++ {
		lines = append(lines, []interface{}{driver, fmt.Sprintf("line %d", i)})
	}
	_, err = connection.CopyFrom(background, pgx.Identifier{"notes"}, []string{"driver", "body"}, pgx.CopyFromRows(lines))
	must(err)
	var copied int
	must(connection.QueryRow(background, "SELECT count(*) FROM notes WHERE driver = $1", driver).Scan(&copied))
	run("DELETE FROM notes WHERE driver = $1", driver)
	return object{"out": bytes.Count(out.Bytes(), []byte("\n")), "in": copied}
}

// All in one pipeline: the error undoes what stood before it.
func batch() interface{} {
	queries := &pgx.Batch{}
	queries.Queue("SELECT label FROM measures WHERE id = $1", 2)
	queries.Queue("INSERT INTO notes (driver, body) VALUES ($1, 'undone')", driver)
	queries.Queue("SELECT 1 / (id - 2) FROM measures WHERE id = $1", 2)
	queries.Queue("SELECT label FROM measures WHERE id = $1", 4)
	results := connection.SendBatch(background, queries)
	var label string
	must(results.QueryRow().Scan(&label))
	_, err := results.Exec()
	must(err)
	_, err = results.Exec()
	failed := err.(*pgconn.PgError).Code
	results.Close()
	return object{"first": label, "sqlstate": failed, "notes": text("SELECT count(*)::text FROM notes WHERE driver = $1", driver)}
}

func run(statement string, parameters ...interface{}) {
	_, err := connection.Exec(background, statement, parameters...)
	must(err)
}

func text(query string, parameters ...interface{}) string {
	var value string
	must(connection.QueryRow(background, query, parameters...).Scan(&value))
	return value
}

func failure(statement string) *pgconn.PgError {
	_, err := connection.Exec(background, statement)
	return err.(*pgconn.PgError)
}

func after() interface{} {
	var value int
	must(connection.QueryRow(background, "SELECT 42").Scan(&value))
	return value
}
