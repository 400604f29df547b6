// node-postgres with pgvector-node: parameters as text, a named statement, a cursor, COPY streams, a cancel request.

import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import pg from "pg";
import copyStreams from "pg-copy-streams";
import Cursor from "pg-cursor";
import pgvector from "pgvector/pg";

const client = new pg.Client();
await client.connect();
await pgvector.registerTypes(client);
await client.query("DROP TABLE IF EXISTS program_items");
await client.query("CREATE TABLE program_items (id bigint PRIMARY KEY, embedding vector(3))");
for (let id = 1; id <= 20; id++) {
  const values = [id, pgvector.toSql([id, 0, 0])];
  await client.query({ name: "add", text: "INSERT INTO program_items VALUES ($1, $2)", values });
}
const report = {};

const nearest = "SELECT id::int FROM program_items ORDER BY embedding <-> $1 LIMIT $2";
for (let turn = 0; turn < 3; turn++) {
  const found = await client.query({ name: "nearest", text: nearest, values: [pgvector.toSql([7.2, 0, 0]), 3] });
  report.nearest = found.rows.map((row) => row.id);
}
const seven = await client.query("SELECT embedding FROM program_items WHERE id = $1", [7]);
report.vector = seven.rows[0].embedding;

try {
  await client.query("SELECT * FROM nowhere");
} catch (error) {
  report.error = error.code;
}

await client.query("DROP TYPE IF EXISTS program_mood");
await client.query("CREATE TYPE program_mood AS ENUM ('sad', 'happy')");
const moods = "SELECT $1::program_mood AS mood, $2::program_mood[]::text[] AS moods, $1 > 'sad'::program_mood AS more";
report.enum = (await client.query(moods, ["happy", ["sad", "happy"]])).rows[0];
await client.query("DROP TYPE program_mood");

await client.query("BEGIN");
await client.query("DELETE FROM program_items");
await client.query("ROLLBACK");
report.rolled_back = (await client.query("SELECT count(*)::int FROM program_items")).rows[0].count;

const cursor = client.query(new Cursor("SELECT id FROM program_items"));
report.in_pieces = 0;
for (let rows; (rows = await cursor.read(7)).length > 0; ) report.in_pieces += rows.length;
await cursor.close();

const lines = Array.from({ length: 1000 }, (_, place) => `${1001 + place}\t[${1001 + place},1,2]\n`);
const incoming = copyStreams.from("COPY program_items FROM STDIN");
await pipeline(Readable.from(lines), client.query(incoming));
report.copied_in = incoming.rowCount;
let copied = "";
const outgoing = copyStreams.to("COPY (SELECT * FROM program_items WHERE id > 1000) TO STDOUT");
for await (const chunk of client.query(outgoing)) copied += chunk;
report.copied_out = copied.split("\n").length - 1;

const other = new pg.Client();
await other.connect();
const cancelled = new Promise((resolve) => setTimeout(resolve, 200)).then(() =>
  other.query("SELECT pg_cancel_backend($1)", [client.processID]),
);
try {
  await client.query("SELECT pg_sleep(30)");
} catch (error) {
  report.cancelled = error.code;
}
report.afterwards = (await client.query("SELECT 1 AS one")).rows[0].one;
await cancelled;
await other.end();
await client.end();
console.log(JSON.stringify(report));
