-- What is counted of tables, indexes and functions. Plans are forced, since the two servers choose by estimates of their own.
SET track_functions = 'all';
SHOW track_counts;
SHOW stats_fetch_consistency;

CREATE VIEW seen AS
SELECT relname, seq_scan, seq_tup_read, n_tup_ins, n_tup_upd, n_tup_del, n_tup_hot_upd, n_live_tup, n_dead_tup,
       n_mod_since_analyze, n_ins_since_vacuum, vacuum_count, analyze_count, last_vacuum IS NOT NULL AS vacuumed,
       last_analyze IS NOT NULL AS analyzed, last_autovacuum, last_autoanalyze
FROM pg_stat_user_tables;

-- Rows.
CREATE TABLE cs_rows (a int, b text);
INSERT INTO cs_rows SELECT g, 'x' FROM generate_series(1, 10) g;
UPDATE cs_rows SET b = 'y' WHERE a <= 4;
DELETE FROM cs_rows WHERE a = 10;
SELECT pg_stat_force_next_flush();
SELECT * FROM seen WHERE relname = 'cs_rows';
SELECT count(*) FROM cs_rows;
SELECT sum(a) FROM cs_rows WHERE b = 'y';
SELECT pg_stat_force_next_flush();
SELECT seq_scan, seq_tup_read FROM seen WHERE relname = 'cs_rows';

-- What is rolled back is dead.
BEGIN;
INSERT INTO cs_rows VALUES (20, 'z'), (21, 'z');
UPDATE cs_rows SET b = 'w' WHERE a = 1;
DELETE FROM cs_rows WHERE a = 2;
ROLLBACK;
SELECT pg_stat_force_next_flush();
SELECT n_tup_ins, n_tup_upd, n_tup_del, n_live_tup, n_dead_tup, n_mod_since_analyze, n_ins_since_vacuum FROM seen WHERE relname = 'cs_rows';

-- A statement that fails has done what it did before.
CREATE TABLE cs_key (k int PRIMARY KEY, v int);
INSERT INTO cs_key VALUES (1, 1), (2, 2);
INSERT INTO cs_key VALUES (3, 3), (1, 1), (4, 4);
INSERT INTO cs_key VALUES (2, 9) ON CONFLICT DO NOTHING;
INSERT INTO cs_key VALUES (2, 9), (5, 5) ON CONFLICT (k) DO UPDATE SET v = excluded.v;
SELECT pg_stat_force_next_flush();
SELECT n_tup_ins, n_tup_upd, n_tup_del, n_live_tup, n_dead_tup FROM seen WHERE relname = 'cs_key';

-- Savepoints.
CREATE TABLE cs_save (a int);
BEGIN;
INSERT INTO cs_save VALUES (1);
SAVEPOINT s1;
INSERT INTO cs_save VALUES (2), (3);
SAVEPOINT s2;
INSERT INTO cs_save VALUES (4), (5), (6);
DELETE FROM cs_save WHERE a = 1;
SELECT n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_xact_user_tables WHERE relname = 'cs_save';
ROLLBACK TO SAVEPOINT s2;
SELECT n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_xact_user_tables WHERE relname = 'cs_save';
RELEASE SAVEPOINT s1;
INSERT INTO cs_save VALUES (7);
SAVEPOINT s3;
SAVEPOINT s4;
UPDATE cs_save SET a = a + 10 WHERE a = 7;
COMMIT;
SELECT pg_stat_force_next_flush();
SELECT n_tup_ins, n_tup_upd, n_tup_del, n_live_tup, n_dead_tup, n_mod_since_analyze FROM seen WHERE relname = 'cs_save';
BEGIN;
SAVEPOINT a;
INSERT INTO cs_save VALUES (100);
SELECT 1/0;
ROLLBACK TO a;
INSERT INTO cs_save VALUES (101);
COMMIT;
SELECT pg_stat_force_next_flush();
SELECT n_tup_ins, n_live_tup, n_dead_tup FROM seen WHERE relname = 'cs_save';

-- TRUNCATE, kept and undone.
CREATE TABLE cs_trunc (a int);
INSERT INTO cs_trunc VALUES (1), (2), (3);
BEGIN;
DELETE FROM cs_trunc WHERE a = 1;
TRUNCATE cs_trunc;
INSERT INTO cs_trunc VALUES (4), (5);
ROLLBACK;
SELECT pg_stat_force_next_flush();
SELECT n_tup_ins, n_tup_del, n_live_tup, n_dead_tup, n_ins_since_vacuum FROM seen WHERE relname = 'cs_trunc';
BEGIN;
INSERT INTO cs_trunc VALUES (6);
SAVEPOINT s;
INSERT INTO cs_trunc VALUES (7), (8);
TRUNCATE cs_trunc;
INSERT INTO cs_trunc VALUES (9);
RELEASE SAVEPOINT s;
INSERT INTO cs_trunc VALUES (10);
SELECT n_tup_ins, n_tup_del FROM pg_stat_xact_user_tables WHERE relname = 'cs_trunc';
COMMIT;
SELECT pg_stat_force_next_flush();
SELECT n_tup_ins, n_tup_del, n_live_tup, n_dead_tup, n_ins_since_vacuum FROM seen WHERE relname = 'cs_trunc';
TRUNCATE cs_trunc;
SELECT pg_stat_force_next_flush();
SELECT n_tup_ins, n_tup_del, n_live_tup, n_dead_tup FROM seen WHERE relname = 'cs_trunc';

-- Other ways to insert.
COPY cs_trunc FROM stdin;
11
12
13
\.
CREATE TABLE cs_as AS SELECT g FROM generate_series(1, 7) g;
MERGE INTO cs_as t USING (VALUES (1), (2), (50)) v(x) ON t.g = v.x
WHEN MATCHED AND v.x = 1 THEN DELETE WHEN MATCHED THEN UPDATE SET g = 200 WHEN NOT MATCHED THEN INSERT VALUES (v.x);
CREATE TABLE cs_parent (id int PRIMARY KEY);
CREATE TABLE cs_child (id int REFERENCES cs_parent ON DELETE CASCADE ON UPDATE CASCADE);
INSERT INTO cs_parent VALUES (1), (2);
INSERT INTO cs_child VALUES (1), (1), (2);
DELETE FROM cs_parent WHERE id = 1;
UPDATE cs_parent SET id = 3 WHERE id = 2;
CREATE TABLE cs_part (k int, v int) PARTITION BY LIST (k);
CREATE TABLE cs_part1 PARTITION OF cs_part FOR VALUES IN (1);
CREATE TABLE cs_part2 PARTITION OF cs_part FOR VALUES IN (2);
INSERT INTO cs_part VALUES (1, 1), (1, 2), (2, 3);
UPDATE cs_part SET k = 2 WHERE v = 1;
WITH d AS (DELETE FROM cs_part WHERE v = 3 RETURNING *) INSERT INTO cs_as SELECT v FROM d;
SELECT pg_stat_force_next_flush();
SELECT relname, n_tup_ins, n_tup_upd, n_tup_del, n_live_tup, n_dead_tup FROM seen
WHERE relname IN ('cs_trunc', 'cs_as', 'cs_parent', 'cs_child', 'cs_part', 'cs_part1', 'cs_part2') ORDER BY 1;

-- Indexes.
CREATE TABLE cs_idx (k int PRIMARY KEY, g int, t text) WITH (autovacuum_enabled = off);
INSERT INTO cs_idx SELECT g, g % 100, 'row ' || g FROM generate_series(1, 1000) g;
CREATE INDEX cs_idx_g ON cs_idx (g);
SELECT pg_stat_force_next_flush();
ANALYZE cs_idx;
SELECT pg_stat_force_next_flush();
SELECT seq_tup_read, idx_scan, idx_tup_fetch, n_tup_ins, n_live_tup, n_mod_since_analyze, analyze_count
FROM pg_stat_user_tables WHERE relname = 'cs_idx';
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT t FROM cs_idx WHERE k = 17;
SELECT t FROM cs_idx WHERE k = 5000;
SELECT t FROM cs_idx WHERE g = 7 ORDER BY t;
PREPARE p(int) AS SELECT t FROM cs_idx WHERE k = $1;
EXECUTE p(1);
EXECUTE p(2);
EXECUTE p(3);
UPDATE cs_idx SET t = 'changed' WHERE k = 20;
UPDATE cs_idx SET g = 500 WHERE k = 21;
DELETE FROM cs_idx WHERE k = 22;
SELECT pg_stat_force_next_flush();
SELECT indexrelname, idx_scan, idx_tup_read, idx_tup_fetch FROM pg_stat_user_indexes WHERE relname = 'cs_idx' ORDER BY 1;
SELECT seq_tup_read, idx_scan, idx_tup_fetch, n_tup_upd, n_tup_del FROM pg_stat_user_tables WHERE relname = 'cs_idx';
SELECT idx_blks_hit + idx_blks_read > 0 AS index_blocks, heap_blks_hit + heap_blks_read > 0 AS table_blocks FROM pg_statio_user_tables WHERE relname = 'cs_idx';
RESET enable_seqscan;
RESET enable_bitmapscan;

-- What the transaction itself has done so far.
BEGIN;
SELECT seq_scan, seq_tup_read, n_tup_ins, n_tup_upd FROM pg_stat_xact_user_tables WHERE relname = 'cs_as';
SELECT count(*) FROM cs_as;
UPDATE cs_as SET g = g + 1;
SELECT seq_scan, seq_tup_read, n_tup_ins, n_tup_upd FROM pg_stat_xact_user_tables WHERE relname = 'cs_as';
ROLLBACK;
SELECT pg_stat_force_next_flush();
SELECT seq_scan, seq_tup_read, n_tup_ins, n_tup_upd FROM pg_stat_xact_user_tables WHERE relname = 'cs_as';

-- VACUUM and ANALYZE.
SELECT pg_stat_force_next_flush();
VACUUM cs_rows;
ANALYZE cs_rows;
SELECT pg_stat_force_next_flush();
SELECT n_live_tup, n_dead_tup, n_mod_since_analyze, n_ins_since_vacuum, vacuum_count, analyze_count, vacuumed, analyzed,
       last_autovacuum, last_autoanalyze FROM seen WHERE relname = 'cs_rows';
INSERT INTO cs_rows VALUES (30, 'v');
SELECT pg_stat_force_next_flush();
ANALYZE cs_rows (a);
SELECT n_live_tup, n_dead_tup, n_mod_since_analyze, n_ins_since_vacuum, vacuum_count, analyze_count FROM seen WHERE relname = 'cs_rows';
BEGIN;
INSERT INTO cs_rows VALUES (31, 'v');
ANALYZE cs_rows;
COMMIT;
SELECT pg_stat_force_next_flush();
SELECT n_live_tup, n_mod_since_analyze FROM seen WHERE relname = 'cs_rows';

-- track_counts.
SET track_counts = off;
INSERT INTO cs_save VALUES (200);
SELECT count(*) FROM cs_save;
RESET track_counts;
SELECT pg_stat_force_next_flush();
SELECT n_tup_ins, n_live_tup FROM seen WHERE relname = 'cs_save';

-- Functions. One that cannot be inlined.
CREATE FUNCTION cs_f(int) RETURNS int LANGUAGE sql VOLATILE AS $$ SELECT count(*)::int FROM cs_save; SELECT $1 + 1; $$;
CREATE FUNCTION cs_g(int) RETURNS int LANGUAGE sql VOLATILE AS $$ SELECT cs_f($1); SELECT cs_f($1 + 1); $$;
SELECT 'cs_f'::regproc::oid AS f \gset
SELECT pg_stat_get_function_calls(:f), pg_stat_get_xact_function_calls(:f);
SELECT cs_f(1);
BEGIN;
SET LOCAL stats_fetch_consistency = none;
SELECT cs_f(1);
SAVEPOINT s;
SELECT cs_g(1);
ROLLBACK TO s;
SELECT pg_stat_get_xact_function_calls(:f) - 1 AS calls;
ROLLBACK;
SELECT pg_stat_force_next_flush();
SELECT funcname, calls, total_time >= self_time AS whole FROM pg_stat_user_functions WHERE funcname LIKE 'cs\_%' ORDER BY 1;
SET track_functions = 'pl';
SELECT cs_f(1);
SET track_functions = 'all';
SELECT pg_stat_force_next_flush();
SELECT funcname, calls FROM pg_stat_user_functions WHERE funcname LIKE 'cs\_%' ORDER BY 1;
SELECT pg_stat_reset_single_function_counters(:f);
SELECT funcname, calls, total_time, self_time FROM pg_stat_user_functions WHERE funcname = 'cs_f';
BEGIN;
DROP FUNCTION cs_g(int);
ROLLBACK;
SELECT funcname, calls FROM pg_stat_user_functions WHERE funcname = 'cs_g';
SELECT 'cs_g'::regproc::oid AS g \gset
DROP FUNCTION cs_g(int);
SELECT pg_stat_get_function_calls(:g);

-- Objects that go and those that never came.
SELECT oid AS db FROM pg_database WHERE datname = current_database() \gset
CREATE TABLE cs_gone (a int);
INSERT INTO cs_gone VALUES (1);
SELECT 'cs_gone'::regclass::oid AS gone \gset
SELECT pg_stat_force_next_flush();
SELECT pg_stat_get_live_tuples(:gone), pg_stat_have_stats('relation', :db, :gone);
BEGIN;
INSERT INTO cs_gone VALUES (2);
DROP TABLE cs_gone;
SELECT pg_stat_get_xact_tuples_inserted(:gone);
ROLLBACK;
SELECT pg_stat_force_next_flush();
SELECT pg_stat_get_live_tuples(:gone), pg_stat_get_dead_tuples(:gone), pg_stat_get_tuples_inserted(:gone);
DROP TABLE cs_gone;
SELECT pg_stat_get_live_tuples(:gone), pg_stat_have_stats('relation', :db, :gone);
BEGIN;
CREATE TABLE cs_never (a int);
INSERT INTO cs_never VALUES (1);
SELECT 'cs_never'::regclass::oid AS never \gset
SELECT pg_stat_get_xact_tuples_inserted(:never), pg_stat_have_stats('relation', :db, :never);
ROLLBACK;
SELECT pg_stat_force_next_flush();
SELECT pg_stat_get_tuples_inserted(:never), pg_stat_have_stats('relation', :db, :never);
SELECT pg_stat_have_stats('bgwriter', 0, 0), pg_stat_have_stats('database', :db, 1), pg_stat_have_stats('database', :db, 0), pg_stat_have_stats('database', 1234567, 0);
SELECT pg_stat_have_stats('nonsense', 0, 0);

-- How long what was looked at stays the same.
BEGIN;
SELECT pg_stat_get_snapshot_timestamp();
SET LOCAL stats_fetch_consistency = snapshot;
SELECT pg_stat_get_snapshot_timestamp();
SELECT pg_stat_get_numscans(0);
SELECT pg_stat_get_snapshot_timestamp() >= now();
SELECT pg_stat_clear_snapshot();
SELECT pg_stat_get_snapshot_timestamp();
COMMIT;
SELECT pg_stat_get_snapshot_timestamp();

-- Resets.
SELECT pg_stat_reset_single_table_counters('cs_rows'::regclass);
SELECT * FROM seen WHERE relname = 'cs_rows';
SELECT stats_reset IS NOT NULL FROM pg_stat_database WHERE datname = current_database();
SELECT pg_stat_reset();
SELECT pg_stat_force_next_flush();
SELECT relname, n_tup_ins, n_live_tup FROM seen WHERE relname IN ('cs_as', 'cs_save', 'cs_trunc') ORDER BY 1;
INSERT INTO cs_as VALUES (1), (2);
UPDATE cs_as SET g = 3 WHERE g = 1;
SELECT pg_stat_force_next_flush();
SELECT tup_inserted >= 2 AND tup_updated >= 1, tup_deleted >= 0, xact_commit > 0, xact_rollback >= 0, blks_hit + blks_read > 0, tup_returned > 0
FROM pg_stat_database WHERE datname = current_database();
SELECT stats_reset AS before FROM pg_stat_bgwriter \gset
SELECT pg_stat_reset_shared('bgwriter');
SELECT stats_reset > :'before', checkpoints_req FROM pg_stat_bgwriter;
CHECKPOINT;
-- PostgreSQL's checkpointer reports a moment later.
SET stats_fetch_consistency = none;
WITH RECURSIVE look(n, done) AS (
  SELECT 0, false
  UNION ALL
  SELECT n + 1, pg_stat_get_bgwriter_requested_checkpoints() >= 1
  FROM look, LATERAL (SELECT pg_sleep(0.02 * (n >= 0)::int)) s WHERE NOT done AND n < 1500
)
SELECT bool_or(done) FROM look;
RESET stats_fetch_consistency;
SELECT stats_reset AS before FROM pg_stat_wal \gset
SELECT pg_stat_reset_shared('wal');
SELECT stats_reset > :'before' FROM pg_stat_wal;
SELECT pg_stat_reset_shared('nothing');
SELECT pg_stat_reset_shared(NULL) IS NULL;
SELECT stats_reset AS before FROM pg_stat_slru WHERE name = 'Notify' \gset
SELECT pg_stat_reset_slru('CommitTs');
SELECT name, stats_reset > :'before' FROM pg_stat_slru WHERE name IN ('Notify', 'CommitTs') ORDER BY 1;
SELECT pg_stat_reset_slru(NULL);
SELECT count(*) FROM pg_stat_slru WHERE stats_reset > :'before';

SET track_functions = 'all';
-- Larger tables, other kinds of relations and functions.
create view used as select relname, seq_scan, seq_tup_read, idx_scan, idx_tup_fetch, n_tup_ins, n_tup_upd, n_tup_del, n_live_tup, n_dead_tup from pg_stat_user_tables;
-- joins and aggregates over bigger tables
create table big (a int, b int, c text) with (autovacuum_enabled=off);
insert into big select g, g % 10, 'row' || g from generate_series(1, 50000) g;
create table small (b int, n text);
insert into small select g, 'n' || g from generate_series(0, 9) g;
select pg_stat_force_next_flush();
select count(*), sum(a) from big;
select n, count(*) from big join small using (b) group by n order by n;
select count(*) from big where c like '%7';
select count(*) from (select * from big union all select * from big) x;
with x as materialized (select * from big) select count(*) from x a;
select pg_stat_force_next_flush();
select * from used where relname in ('big','small') order by 1;
-- temp tables
create temp table tt (a int primary key);
insert into tt select generate_series(1,5);
delete from tt where a < 3;
select pg_stat_force_next_flush();
select relname, n_tup_ins, n_tup_del, n_live_tup, n_dead_tup from used where relname = 'tt';
-- matview
create materialized view mv as select * from small;
select pg_stat_force_next_flush();
select relname, n_tup_ins, n_tup_del, n_live_tup, n_dead_tup from used where relname = 'mv';
refresh materialized view mv;
select pg_stat_force_next_flush();
select relname, n_tup_ins, n_tup_del, n_live_tup, n_dead_tup from used where relname = 'mv';
-- set returning and void functions, recursion
create function sr(int) returns setof int language sql volatile as $$ select count(*)::int from small; select g from generate_series(1, $1) g $$;
select count(*) from sr(5);
select sr(3);
create function inl(int) returns int language sql immutable as $$ select $1 + 1 $$;
select inl(b) from small where b = 3;
select pg_stat_force_next_flush();
select funcname, calls from pg_stat_user_functions order by 1;
create procedure pr() language sql as $$ insert into small values (100, 'p') $$;
call pr();
call pr();
select pg_stat_force_next_flush();
select funcname, calls from pg_stat_user_functions order by 1;
select relname, n_tup_ins, n_live_tup from used where relname = 'small';
-- fetch consistency: cache keeps what it saw
begin;
select n_tup_ins from pg_stat_user_tables where relname = 'small';
select pg_stat_reset_single_table_counters('small'::regclass);
select n_tup_ins from pg_stat_user_tables where relname = 'small';
select pg_stat_clear_snapshot();
select n_tup_ins from pg_stat_user_tables where relname = 'small';
commit;
-- alter table rewrites
create table rw (a int, b int);
insert into rw select g, g from generate_series(1, 100) g;
alter table rw alter a type bigint;
alter table rw add column c int default 5;
cluster rw using nothing;
vacuum full rw;
select pg_stat_force_next_flush();
select relname, n_tup_ins, n_tup_upd, n_tup_del, n_live_tup, n_dead_tup from used where relname = 'rw';
set enable_seqscan = off;
set enable_bitmapscan = off;
-- foreign key look-ups by index
create table par (id int primary key); create table chi (id int references par); create index on chi(id);
insert into par values (1),(2); insert into chi values (1),(2);
delete from chi where id = 2;
delete from par where id = 2;
select pg_stat_force_next_flush();
select relname, indexrelname, idx_scan, idx_tup_fetch from pg_stat_user_indexes where relname in ('par','chi') order by 1;
reset enable_seqscan;
reset enable_bitmapscan;

-- Sessions and transactions.
SELECT sessions AS sessions, xact_commit AS commits, xact_rollback AS rollbacks FROM pg_stat_database WHERE datname = current_database() \gset
\c
BEGIN;
ROLLBACK;
SELECT 1/0;
SELECT 1;
SELECT pg_stat_force_next_flush();
SELECT sessions - :sessions, xact_rollback - :rollbacks >= 2, xact_commit - :commits >= 2, session_time > 0, active_time > 0 FROM pg_stat_database WHERE datname = current_database();
REVOKE ALL ON FUNCTION pg_stat_reset() FROM PUBLIC;
CREATE ROLE cs_nobody;
SET ROLE cs_nobody;
SELECT pg_stat_reset();
SELECT pg_stat_reset_single_table_counters(0);
RESET ROLE;
DROP ROLE cs_nobody;
