//! sqlx with the pgvector crate: prepared statements kept by their text, binary values, streams, COPY; TLS as PGSSLMODE says.

use std::time::Duration;

use pgvector::Vector;
use serde_json::{json, Map, Value};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Error, Executor, Row};

use futures_util::TryStreamExt;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    // Host, port, user, database, password, sslmode and sslrootcert come from PGHOST and its kin.
    let options = PgConnectOptions::new();
    let mut connection = PgConnection::connect_with(&options).await?;
    let mut report = Map::new();
    fill(&mut connection).await?;
    search(&mut connection, &mut report).await?;
    transact(&mut connection, &mut report).await?;
    copy(&mut connection, &mut report).await?;
    cancel(&mut connection, &options, &mut report).await?;
    connection.close().await?;
    println!("{}", Value::Object(report));
    Ok(())
}

async fn fill(connection: &mut PgConnection) -> Result<(), Error> {
    // Several statements in one text go by the simple protocol.
    connection
        .execute(
            "DROP TABLE IF EXISTS program_items;
             CREATE TABLE program_items (id bigint PRIMARY KEY, embedding vector(3))",
        )
        .await?;
    for id in 1..=20i64 {
        sqlx::query("INSERT INTO program_items VALUES ($1, $2)")
            .bind(id)
            .bind(Vector::from(vec![id as f32, 0.0, 0.0]))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

async fn search(connection: &mut PgConnection, report: &mut Map<String, Value>) -> Result<(), Error> {
    for _ in 0..3 {
        let nearest: Vec<i64> = sqlx::query_scalar("SELECT id FROM program_items ORDER BY embedding <-> $1 LIMIT $2")
            .bind(Vector::from(vec![7.2, 0.0, 0.0]))
            .bind(3i64)
            .fetch_all(&mut *connection)
            .await?;
        report.insert("nearest".into(), json!(nearest));
    }
    let seven: Vector = sqlx::query_scalar("SELECT embedding FROM program_items WHERE id = ANY($1)")
        .bind(vec![7i64])
        .fetch_one(&mut *connection)
        .await?;
    report.insert("vector".into(), json!(seven.to_vec()));
    Ok(())
}

async fn transact(connection: &mut PgConnection, report: &mut Map<String, Value>) -> Result<(), Error> {
    report.insert("error".into(), code(sqlx::query("SELECT * FROM nowhere").execute(&mut *connection).await));
    let mut transaction = connection.begin().await?;
    let mut inner = transaction.begin().await?; // a savepoint
    sqlx::query("DELETE FROM program_items WHERE id < 10").execute(&mut *inner).await?;
    inner.rollback().await?;
    sqlx::query("DELETE FROM program_items").execute(&mut *transaction).await?;
    transaction.rollback().await?;
    let mut count = 0;
    let mut rows = sqlx::query("SELECT id FROM program_items").fetch(&mut *connection);
    while let Some(row) = rows.try_next().await? {
        count += i32::from(row.get::<i64, _>(0) > 0);
    }
    report.insert("rolled_back".into(), json!(count));
    Ok(())
}

async fn copy(connection: &mut PgConnection, report: &mut Map<String, Value>) -> Result<(), Error> {
    let mut sink = connection.copy_in_raw("COPY program_items FROM STDIN").await?;
    let lines: String = (1001..=2000).map(|id| format!("{id}\t[{id},1,2]\n")).collect();
    sink.send(lines.as_bytes()).await?;
    report.insert("copied_in".into(), json!(sink.finish().await?));
    let mut stream = connection
        .copy_out_raw("COPY (SELECT * FROM program_items WHERE id > 1000) TO STDOUT")
        .await?;
    let mut lines = 0;
    while let Some(chunk) = stream.try_next().await? {
        lines += chunk.iter().filter(|byte| **byte == b'\n').count();
    }
    report.insert("copied_out".into(), json!(lines));
    Ok(())
}

/// sqlx sends no cancel requests: a second connection cancels what the first one does.
async fn cancel(
    connection: &mut PgConnection,
    options: &PgConnectOptions,
    report: &mut Map<String, Value>,
) -> Result<(), Error> {
    let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut *connection).await?;
    let options = options.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let mut other = PgConnection::connect_with(&options).await.expect("a second connection");
        sqlx::query("SELECT pg_cancel_backend($1)").bind(pid).execute(&mut other).await.expect("a cancel");
    });
    let slept = sqlx::query("SELECT pg_sleep(30)").execute(&mut *connection).await;
    report.insert("cancelled".into(), code(slept));
    let one: i32 = sqlx::query_scalar("SELECT 1").fetch_one(&mut *connection).await?;
    report.insert("afterwards".into(), json!(one));
    Ok(())
}

fn code<T>(outcome: Result<T, Error>) -> Value {
    let error = outcome.err().expect("the server refuses this");
    json!(error.as_database_error().and_then(|told| told.code()))
}
