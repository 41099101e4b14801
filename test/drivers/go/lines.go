// What a driver's program in Go prints: a line of JSON for each step.
package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"
)

var driver = os.Getenv("ROWGATE_DRIVER")

var columns = strings.Split("flag number big amount ratio label day at ref doc bytes numbers names", " ")

const tripleJoin = "SELECT count(*) FROM measures AS a, measures AS b, measures AS c"

// A step that the driver lacks gives this.
type lacks string

type object map[string]interface{}

func step(name string, work func() interface{}) {
	line := object{"step": name}
	result := work()
	if why, is := result.(lacks); is {
		line["lacks"] = string(why)
	} else {
		line["result"] = result
	}
	text, err := json.Marshal(line)
	must(err)
	fmt.Println(string(text))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// `a = $1 AND b = $2 …` for the step of typed parameters.
func selectThings() string {
	conditions := make([]string, len(columns))
	for i, column := range columns {
		conditions[i] = fmt.Sprintf("%s = $%d", column, i+1)
	}
	return "SELECT " + strings.Join(columns, ", ") + " FROM things WHERE " + strings.Join(conditions, " AND ")
}

// The driver's own form of a value: its Go type shows.
func form(value interface{}) string {
	switch v := value.(type) {
	case []byte:
		return "[]byte " + hex.EncodeToString(v)
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	}
	if reflect.ValueOf(value).Kind() == reflect.Array {
		return fmt.Sprintf("%T %x", value, value)
	}
	return fmt.Sprintf("%T %v", value, value)
}

func soon(cancel func()) {
	time.AfterFunc(300*time.Millisecond, cancel)
}
