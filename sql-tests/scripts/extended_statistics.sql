-- Extended statistics: definitions, what is shown of them, and what goes with them.
CREATE SCHEMA es;
SET search_path = es;
CREATE TABLE t (a int, b int, c text, j json, g int GENERATED ALWAYS AS (a + 1) STORED);
CREATE VIEW v AS SELECT 1 AS x;
CREATE STATISTICS s1 ON a, b FROM t;
CREATE STATISTICS s1 ON a, b FROM t;
CREATE STATISTICS IF NOT EXISTS s1 ON a, b FROM t;
CREATE STATISTICS s2 (ndistinct) ON a, b, c FROM t;
CREATE STATISTICS s3 (mcv, dependencies) ON b, a FROM t;
CREATE STATISTICS s4 ON (a + b), c FROM t;
CREATE STATISTICS s5 ON (a * 2) FROM t;
CREATE STATISTICS s6 ON lower(c), a FROM t;
-- Refused.
CREATE STATISTICS e ON a FROM t;
CREATE STATISTICS e ON a, a FROM t;
CREATE STATISTICS e (foo) ON a, b FROM t;
CREATE STATISTICS e ON a, b FROM v;
CREATE STATISTICS e ON a, b FROM t, t t2;
CREATE STATISTICS e ON a, j FROM t;
CREATE STATISTICS e ON ctid, a FROM t;
CREATE STATISTICS e ON nope, a FROM t;
CREATE STATISTICS e (mcv) ON (a + 1) FROM t;
CREATE STATISTICS e ON (a + 1), (a + 1) FROM t;
CREATE STATISTICS e ON a, b, c, g, (a + 1), (a + 2), (a + 3), (a + 4), (a + 5) FROM t;
CREATE STATISTICS e ON a, b FROM nope;
CREATE STATISTICS e ON (max(a)), b FROM t;
\d t
\dX
SELECT stxname, stxkeys, stxkind, stxstattarget, pg_get_statisticsobjdef(oid), pg_get_statisticsobjdef_expressions(oid)
  FROM pg_statistic_ext ORDER BY 1;
SELECT count(*) FROM pg_statistic_ext_data;
-- Changed.
ALTER STATISTICS s1 SET STATISTICS 100;
ALTER STATISTICS s1 SET STATISTICS -2;
ALTER STATISTICS s1 SET STATISTICS 20000;
ALTER STATISTICS IF EXISTS nope SET STATISTICS 1;
ALTER STATISTICS s1 RENAME TO s2;
CREATE SCHEMA es2;
ALTER STATISTICS s1 SET SCHEMA es2;
COMMENT ON STATISTICS es2.s1 IS 'kept';
SELECT obj_description(oid, 'pg_statistic_ext'), pg_statistics_obj_is_visible(oid) FROM pg_statistic_ext WHERE stxname = 's1';
CREATE ROLE es_owner;
ALTER STATISTICS es2.s1 OWNER TO es_owner;
DROP ROLE es_owner;
REASSIGN OWNED BY es_owner TO CURRENT_USER;
DROP ROLE es_owner;
-- Copied, and gone with columns and schemas.
CREATE TABLE lk (LIKE t INCLUDING STATISTICS);
\d lk
ALTER TABLE t DROP COLUMN c;
DROP STATISTICS s3, nope;
DROP STATISTICS IF EXISTS nope, s3;
SELECT stxname FROM pg_statistic_ext ORDER BY 1;
DROP SCHEMA es2 CASCADE;
SELECT stxname FROM pg_statistic_ext ORDER BY 1;
SET client_min_messages = warning;
DROP SCHEMA es CASCADE;
SELECT count(*) FROM pg_statistic_ext;
