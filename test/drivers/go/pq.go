// lib/pq under database/sql: extended protocol, statements named at the server, COPY FROM.
package main

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/lib/pq"
)

var background = context.Background()
var pool *sql.DB
var connection *sql.Conn

func main() {
	step("connect", connect)
	step("typed parameters", typedParameters)
	step("prepared statements", preparedStatements)
	step("transactions", transactions)
	step("errors", errors)
	step("refusal", refusal)
	step("cancel", cancel)
	step("cursor", cursor)
	step("copy", func() interface{} { return lacks("COPY TO; COPY FROM it has") })
	step("copy from", copyFrom)
	step("notifications", notifications)
}

func connect() interface{} {
	var err error
	pool, err = sql.Open("postgres", "")
	must(err)
	connection, err = pool.Conn(background)
	must(err)
	return text("SHOW server_version_num")
}

func typedParameters() interface{} {
	values := []interface{}{
		true, 42, int64(9007199254740993), "1234.5600", 0.1, "l’été d'O'Brien \"\\𝒜", "2026-02-28", "2026-10-25T02:30:00.123456+02:00",
		"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", `{"a": [1, null, "é"]}`, []byte{0, 0xff, 0x10}, pq.Array([]int64{1, -2, 3}),
		pq.Array([]sql.NullString{{String: "a,b", Valid: true}, {String: `c"d`, Valid: true}, {}, {Valid: true}}),
	}
	found := make([]interface{}, len(columns))
	into := make([]interface{}, len(columns))
	for i := range found {
		into[i] = &found[i]
	}
	must(connection.QueryRowContext(background, selectThings(), values...).Scan(into...))
	result := object{}
	for i, column := range columns {
		result[column] = form(found[i])
	}
	return result
}

func preparedStatements() interface{} {
	statement, err := connection.PrepareContext(background, "SELECT label FROM measures WHERE id = $1")
	must(err)
	defer statement.Close()
	labels := []string{}
	for id := 2; id <= 20; id += 2 {
		var label string
		must(statement.QueryRow(id).Scan(&label))
		labels = append(labels, label)
	}
	return labels
}

func transactions() interface{} {
	run("DELETE FROM notes WHERE driver = $1", driver)
	insert := func(transaction *sql.Tx, body string) {
		_, err := transaction.Exec("INSERT INTO notes (driver, body) VALUES ($1, $2)", driver, body)
		must(err)
	}
	transaction, err := connection.BeginTx(background, nil)
	must(err)
	insert(transaction, "a")
	must(transaction.Rollback())
	transaction, err = connection.BeginTx(background, &sql.TxOptions{Isolation: sql.LevelSerializable})
	must(err)
	insert(transaction, "b")
	run("SAVEPOINT s")
	insert(transaction, "c")
	run("ROLLBACK TO SAVEPOINT s")
	insert(transaction, "d")
	must(transaction.Commit())
	rows, err := connection.QueryContext(background, "SELECT body FROM notes WHERE driver = $1 ORDER BY body", driver)
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
	err := connection.QueryRowContext(background, "SELECT ine FROM students WHERE id = 1").Scan(&ine)
	if failed, is := err.(*pq.Error); is {
		return object{"sqlstate": failed.Code, "message": failed.Message, "after": after()}
	}
	must(err)
	return object{"rows": [][]string{{ine}}, "after": after()}
}

// The driver gives the connection up with its context, so it is another one of the pool.
func cancel() interface{} {
	until, stop := context.WithCancel(background)
	soon(stop)
	_, err := pool.ExecContext(until, tripleJoin)
	return object{"sqlstate": err.(*pq.Error).Code, "after": after()}
}

func cursor() interface{} {
	run("BEGIN")
	run("DECLARE all_measures CURSOR FOR SELECT id, label FROM measures ORDER BY id")
	total, sum := 0, 0
	for fetched := 1; fetched > 0; total += fetched {
		rows, err := connection.QueryContext(background, "FETCH 1000 FROM all_measures")
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

func copyFrom() interface{} {
	run("DELETE FROM notes WHERE driver = $1", driver)
	transaction, err := connection.BeginTx(background, nil)
	must(err)
	statement, err := transaction.Prepare(pq.CopyIn("notes", "driver", "body"))
	must(err)
	for i := 0; i < 1000; i++ {
		_, err = statement.Exec(driver, fmt.Sprintf("line %d", i))
		must(err)
	}
	_, err = statement.Exec()
	must(err)
	must(statement.Close())
	must(transaction.Commit())
	copied := text("SELECT count(*) FROM notes WHERE driver = $1", driver)
	run("DELETE FROM notes WHERE driver = $1", driver)
	return copied
}

// A listener has a connection of its own; it hears what the other one sends.
func notifications() interface{} {
	heard := make(chan *pq.Notification, 1)
	listener, err := pq.NewListenerConn("", heard)
	must(err)
	defer listener.Close()
	_, err = listener.Listen("driver_go")
	must(err)
	run("NOTIFY driver_go, 'hello'")
	return (<-heard).Extra
}

func run(statement string, parameters ...interface{}) {
	_, err := connection.ExecContext(background, statement, parameters...)
	must(err)
}

func text(query string, parameters ...interface{}) string {
	var value string
	must(connection.QueryRowContext(background, query, parameters...).Scan(&value))
	return value
}

func failure(statement string) *pq.Error {
	_, err := connection.ExecContext(background, statement)
	return err.(*pq.Error)
}

func after() interface{} {
	var value int
	must(connection.QueryRowContext(background, "SELECT 42").Scan(&value))
	return value
}
