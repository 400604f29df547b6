// pgx with pgvector-go, in the query mode that the first argument names.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pgvector/pgvector-go"
	pgxvector "github.com/pgvector/pgvector-go/pgx"
)

var modes = map[string]pgx.QueryExecMode{
	"cache_statement": pgx.QueryExecModeCacheStatement,
	"cache_describe":  pgx.QueryExecModeCacheDescribe,
	"describe_exec":   pgx.QueryExecModeDescribeExec,
	"exec":            pgx.QueryExecModeExec,
	"simple_protocol": pgx.QueryExecModeSimpleProtocol,
}

type report struct {
	Nearest    []int64   `json:"nearest"`
	Vector     []float32 `json:"vector"`
	Error      string    `json:"error"`
	RolledBack int       `json:"rolled_back"`
	Batch      int       `json:"batch"`
	CopiedIn   int64     `json:"copied_in"`
	CopiedOut  int       `json:"copied_out"`
	Cancelled  string    `json:"cancelled"`
	Afterwards int       `json:"afterwards"`
}

func main() {
	ctx := context.Background()
	config := must(pgx.ParseConfig(""))
	config.DefaultQueryExecMode = modes[os.Args[1]]
	conn := must(pgx.ConnectConfig(ctx, config))
	defer conn.Close(ctx)
	check(pgxvector.RegisterTypes(ctx, conn))
	must(conn.Exec(ctx, "DROP TABLE IF EXISTS program_items"))
	must(conn.Exec(ctx, "CREATE TABLE program_items (id bigint PRIMARY KEY, embedding vector(3))"))
	for id := 1; id <= 20; id++ {
		must(conn.Exec(ctx, "INSERT INTO program_items VALUES ($1, $2)", id, vector(float32(id), 0, 0)))
	}
	var found report
	search(ctx, conn, &found)
	transact(ctx, conn, &found)
	transfer(ctx, conn, &found)
	cancel(ctx, conn, &found)
	fmt.Println(string(must(json.Marshal(found))))
}

func search(ctx context.Context, conn *pgx.Conn, found *report) {
	nearest := "SELECT id FROM program_items ORDER BY embedding <-> $1 LIMIT $2"
	for range 3 {
		rows := must(conn.Query(ctx, nearest, vector(7.2, 0, 0), 3))
		found.Nearest = must(pgx.CollectRows(rows, pgx.RowTo[int64]))
	}
	var seven pgvector.Vector
	check(conn.QueryRow(ctx, "SELECT embedding FROM program_items WHERE id = $1", 7).Scan(&seven))
	found.Vector = seven.Slice()

	batch := &pgx.Batch{}
	for id := 1; id <= 20; id++ {
		batch.Queue(nearest, vector(float32(id), 0, 0), 1)
	}
	results := conn.SendBatch(ctx, batch)
	for id := int64(1); id <= 20; id++ {
		var first int64
		check(results.QueryRow().Scan(&first))
		if first == id {
			found.Batch++
		}
	}
	check(results.Close())
}

func transact(ctx context.Context, conn *pgx.Conn, found *report) {
	_, err := conn.Exec(ctx, "SELECT * FROM nowhere")
	found.Error = code(err)
	transaction := must(conn.Begin(ctx))
	must(transaction.Exec(ctx, "DELETE FROM program_items"))
	check(transaction.Rollback(ctx))
	check(conn.QueryRow(ctx, "SELECT count(*) FROM program_items").Scan(&found.RolledBack))
}

func transfer(ctx context.Context, conn *pgx.Conn, found *report) {
	columns := []string{"id", "embedding"}
	rows := pgx.CopyFromSlice(1000, func(place int) ([]any, error) {
		return []any{1001 + place, vector(float32(1001+place), 1, 2)}, nil
	})
	found.CopiedIn = must(conn.CopyFrom(ctx, pgx.Identifier{"program_items"}, columns, rows))
	var lines bytes.Buffer
	must(conn.PgConn().CopyTo(ctx, &lines, "COPY (SELECT * FROM program_items WHERE id > 1000) TO STDOUT"))
	found.CopiedOut = bytes.Count(lines.Bytes(), []byte("\n"))
}

func cancel(ctx context.Context, conn *pgx.Conn, found *report) {
	time.AfterFunc(200*time.Millisecond, func() { check(conn.PgConn().CancelRequest(ctx)) })
	_, err := conn.Exec(ctx, "SELECT pg_sleep(30)")
	found.Cancelled = code(err)
	check(conn.QueryRow(ctx, "SELECT 1").Scan(&found.Afterwards))
}

func vector(values ...float32) pgvector.Vector {
	return pgvector.NewVector(values)
}

func code(err error) string {
	var told *pgconn.PgError
	if !errors.As(err, &told) {
		panic(fmt.Sprintf("not an error of the server's: %v", err))
	}
	return told.Code
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}
