// postgres.js with pgvector-node: array types looked up in the catalogs, describe before bind, pipelines, COPY, cancel.

import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import pgvector from "pgvector";
import postgres from "postgres";

const sql = postgres({ max: 1, onnotice: () => {}, ssl: process.env.PGSSLMODE ?? false });
await sql`DROP TABLE IF EXISTS program_items`;
await sql`CREATE TABLE program_items (id bigint PRIMARY KEY, embedding vector(3))`;
const items = Array.from({ length: 20 }, (_, place) => ({ id: 1 + place, embedding: pgvector.toSql([1 + place, 0, 0]) }));
await sql`INSERT INTO program_items ${sql(items)}`;
const report = {};

const query = pgvector.toSql([7.2, 0, 0]);
const nearest = () => sql`SELECT id::int FROM program_items ORDER BY embedding <-> ${query} LIMIT ${3}`;
for (const rows of await Promise.all([nearest(), nearest(), nearest()])) report.nearest = rows.map((row) => row.id);
const [seven] = await sql`SELECT embedding FROM program_items WHERE id = ANY(${[7]})`;
report.vector = pgvector.fromSql(seven.embedding);

try {
  await sql`SELECT * FROM nowhere`;
} catch (error) {
  report.error = error.code;
}

const undone = new Error("undone");
try {
  await sql.begin(async (transaction) => {
    await transaction`DELETE FROM program_items`;
    throw undone;
  });
} catch (error) {
  if (error !== undone) throw error;
}
report.rolled_back = (await sql`SELECT count(*)::int FROM program_items`)[0].count;

report.in_pieces = 0;
await sql`SELECT id FROM program_items`.cursor(7, (rows) => {
  report.in_pieces += rows.length;
});

const lines = Array.from({ length: 1000 }, (_, place) => `${1001 + place}\t[${1001 + place},1,2]\n`);
await pipeline(Readable.from(lines), await sql`COPY program_items FROM STDIN`.writable());
report.copied_in = (await sql`SELECT count(*)::int FROM program_items WHERE id > 1000`)[0].count;
let copied = "";
const outgoing = await sql`COPY (SELECT * FROM program_items WHERE id > 1000) TO STDOUT`.readable();
for await (const chunk of outgoing) copied += chunk;
report.copied_out = copied.split("\n").length - 1;

const sleep = sql`SELECT pg_sleep(30)`;
setTimeout(() => sleep.cancel(), 200);
try {
  await sleep;
} catch (error) {
  report.cancelled = error.code;
}
report.afterwards = (await sql`SELECT 1 AS one`)[0].one;
await sql.end();
console.log(JSON.stringify(report));
