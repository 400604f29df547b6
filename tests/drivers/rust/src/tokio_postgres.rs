//! tokio-postgres with the pgvector crate: prepared statements, binary values, pipelining, COPY, a cancel request; and
//! rustls where PGSSLMODE asks for it.

use std::env;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::try_join_all;
use futures_util::{pin_mut, SinkExt, StreamExt, TryStreamExt};
use pgvector::Vector;
use serde_json::{json, Map, Value};
use rustls::pki_types::{pem::PemObject, CertificateDer};
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, Error};
use tokio_postgres_rustls::MakeRustlsConnect;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (mut client, connection) = configuration().connect(tls()).await?;
    tokio::spawn(async move { connection.await.expect("the connection ends in order") });
    let mut report = Map::new();
    fill(&client).await?;
    search(&client, &mut report).await?;
    transact(&mut client, &mut report).await?;
    copy(&client, &mut report).await?;
    cancel(&client, &mut report).await?;
    println!("{}", Value::Object(report));
    Ok(())
}

fn configuration() -> Config {
    let variable = |name: &str| env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let mut config = Config::new();
    config
        .host(variable("PGHOST"))
        .port(variable("PGPORT").parse().expect("a port"))
        .user(variable("PGUSER"))
        .dbname(variable("PGDATABASE"));
    if let Ok(password) = env::var("PGPASSWORD") {
        config.password(password);
    }
    // Certificate and host name are always verified by rustls: what libpq calls verify-full.
    config.ssl_mode(if env::var("PGSSLMODE").is_ok() { SslMode::Require } else { SslMode::Disable });
    config
}

fn tls() -> MakeRustlsConnect {
    let mut roots = RootCertStore::empty();
    if let Ok(path) = env::var("PGSSLROOTCERT") {
        for certificate in CertificateDer::pem_file_iter(path).expect("a file of certificates") {
            roots.add(certificate.expect("a certificate")).expect("an authority");
        }
    }
    MakeRustlsConnect::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}

async fn fill(client: &Client) -> Result<(), Error> {
    client
        .batch_execute(
            "DROP TABLE IF EXISTS program_items;
             CREATE TABLE program_items (id bigint PRIMARY KEY, embedding vector(3))",
        )
        .await?;
    let insert = client.prepare("INSERT INTO program_items VALUES ($1, $2)").await?;
    for id in 1..=20i64 {
        let vector = Vector::from(vec![id as f32, 0.0, 0.0]);
        client.execute(&insert, &[&id, &vector]).await?;
    }
    Ok(())
}

async fn search(client: &Client, report: &mut Map<String, Value>) -> Result<(), Error> {
    let nearest = client
        .prepare("SELECT id FROM program_items ORDER BY embedding <-> $1 LIMIT $2")
        .await?;
    let query = Vector::from(vec![7.2, 0.0, 0.0]);
    for _ in 0..3 {
        let rows = client.query(&nearest, &[&query, &3i64]).await?;
        report.insert("nearest".into(), rows.iter().map(|row| row.get::<_, i64>(0)).collect());
    }
    let seven = client.query_one("SELECT embedding FROM program_items WHERE id = $1", &[&7i64]).await?;
    report.insert("vector".into(), json!(seven.get::<_, Vector>(0).to_vec()));

    let queries: Vec<Vector> = (1..=20).map(|id| Vector::from(vec![id as f32, 0.0, 0.0])).collect();
    let found = try_join_all(queries.iter().map(|query| async {
        let row = client.query_one(&nearest, &[query, &1i64]).await?;
        Ok::<_, Error>(row.get::<_, i64>(0))
    }));
    let right = (1..=20).zip(found.await?).filter(|(id, first)| id == first).count();
    report.insert("batch".into(), json!(right));
    Ok(())
}

async fn transact(client: &mut Client, report: &mut Map<String, Value>) -> Result<(), Error> {
    report.insert("error".into(), code(client.query("SELECT * FROM nowhere", &[]).await));
    let transaction = client.transaction().await?;
    let portal = transaction.bind("SELECT id FROM program_items", &[]).await?;
    let mut count = 0;
    loop {
        let rows = transaction.query_portal(&portal, 7).await?;
        if rows.is_empty() {
            break;
        }
        count += rows.len();
    }
    report.insert("in_pieces".into(), json!(count));
    transaction.execute("DELETE FROM program_items", &[]).await?;
    transaction.rollback().await?;
    let row = client.query_one("SELECT count(*) FROM program_items", &[]).await?;
    report.insert("rolled_back".into(), json!(row.get::<_, i64>(0)));
    Ok(())
}

async fn copy(client: &Client, report: &mut Map<String, Value>) -> Result<(), Error> {
    let sink = client.copy_in("COPY program_items FROM STDIN").await?;
    pin_mut!(sink);
    for id in 1001..=2000 {
        sink.send(Bytes::from(format!("{id}\t[{id},1,2]\n"))).await?;
    }
    report.insert("copied_in".into(), json!(sink.finish().await?));
    let stream = client
        .copy_out("COPY (SELECT * FROM program_items WHERE id > 1000) TO STDOUT")
        .await?;
    let chunks: Vec<Bytes> = stream.boxed().try_collect().await?;
    let lines = chunks.concat().iter().filter(|byte| **byte == b'\n').count();
    report.insert("copied_out".into(), json!(lines));
    Ok(())
}

async fn cancel(client: &Client, report: &mut Map<String, Value>) -> Result<(), Error> {
    let token = client.cancel_token();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        token.cancel_query(tls()).await.expect("a cancel request is taken");
    });
    report.insert("cancelled".into(), code(client.query("SELECT pg_sleep(30)", &[]).await));
    let row = client.query_one("SELECT 1", &[]).await?;
    report.insert("afterwards".into(), json!(row.get::<_, i32>(0)));
    Ok(())
}

fn code<T>(outcome: Result<T, Error>) -> Value {
    let error = outcome.err().expect("the server refuses this");
    json!(error.code().map(|state| state.code()))
}
