-- Which object depends on which, as pg_depend and pg_shdepend tell.
CREATE ROLE dep_a; CREATE ROLE dep_b;
CREATE SCHEMA dp;
SET search_path = dp, public;
CREATE VIEW public.deps AS
  SELECT pg_describe_object(classid, objid, objsubid) COLLATE "C" AS object,
         pg_describe_object(refclassid, refobjid, refobjsubid) COLLATE "C" AS on_what, deptype
  FROM pg_depend
  WHERE objid >= 16384 AND pg_describe_object(classid, objid, objsubid) !~ 'toast|trigger|deps|function ra|from ra to';
CREATE VIEW public.owners AS
  SELECT pg_describe_object(classid, objid, objsubid) COLLATE "C" AS object,
         pg_describe_object(refclassid, refobjid, 0) COLLATE "C" AS who, deptype
  FROM pg_shdepend WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database());
-- types
CREATE TYPE en AS ENUM ('a', 'b');
CREATE TYPE co AS (x int, y en);
CREATE DOMAIN dom AS en CHECK (VALUE IS NOT NULL);
CREATE DOMAIN dom2 AS text COLLATE "POSIX" NOT NULL DEFAULT 'x' CONSTRAINT long CHECK (length(VALUE) > 3);
CREATE TYPE ra AS RANGE (SUBTYPE = float8, SUBTYPE_DIFF = float8mi);
SELECT * FROM deps ORDER BY 1, 2, 3;
DROP DOMAIN dom2;
-- tables
CREATE TABLE t1 (id serial PRIMARY KEY, a int NOT NULL DEFAULT 7, b text COLLATE "C" UNIQUE, e en, c co, ar en[],
                 CHECK (a > 0), CHECK (a < length(b)), CONSTRAINT always CHECK (true));
CREATE TABLE t2 (id int GENERATED ALWAYS AS IDENTITY, ref int REFERENCES t1, g int GENERATED ALWAYS AS (ref * 2) STORED,
                 EXCLUDE (ref WITH =));
CREATE INDEX t1_low ON t1 (lower(b), a) INCLUDE (id) WHERE a > 5;
CREATE INDEX t1_one ON t1 ((1));
CREATE SEQUENCE sq OWNED BY t1.a;
CREATE SEQUENCE sq2;
CREATE TABLE t3 (n int DEFAULT nextval('sq2'));
SELECT * FROM deps WHERE object ~ 't[123]|sq' ORDER BY 1, 2, 3;
DROP INDEX t1_low;
ALTER TABLE t1 DROP CONSTRAINT always, ALTER a DROP DEFAULT;
ALTER TABLE t1 DROP COLUMN c;
SELECT * FROM deps WHERE object ~ 't[1]' ORDER BY 1, 2, 3;
-- views
CREATE VIEW v1 AS SELECT a, b FROM t1 WHERE id > 3;
CREATE VIEW v2 AS SELECT v1.a, v1.b, t2.g FROM v1 JOIN t2 ON t2.ref = v1.a;
CREATE MATERIALIZED VIEW mv AS SELECT count(*) AS n, e FROM t1 GROUP BY e;
SELECT * FROM deps WHERE object ~ 'v[12]|mv' ORDER BY 1, 2, 3;
CREATE VIEW v3 AS SELECT c.relname FROM pg_class c;
SELECT * FROM deps WHERE object ~ 'v3' ORDER BY 1, 2, 3;
DROP VIEW v3;
-- inheritance and partitions
CREATE TABLE kid (z int) INHERITS (t3);
CREATE TABLE pa (k int, v text, PRIMARY KEY (k)) PARTITION BY RANGE (k);
CREATE TABLE pa1 PARTITION OF pa FOR VALUES FROM (1) TO (10);
CREATE INDEX pa_v ON pa (v);
CREATE TABLE fk (k int REFERENCES pa);
SELECT * FROM deps WHERE object ~ 'kid|pa|fk' ORDER BY 1, 2, 3;
-- routines, operators, casts, aggregates
CREATE FUNCTION f1(x en, y co) RETURNS en LANGUAGE sql AS 'SELECT x';
CREATE FUNCTION f2(OUT x t2, OUT y int) LANGUAGE sql AS 'SELECT NULL::t2, 1';
CREATE PROCEDURE p1(x en[]) LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION en_eq(en, en) RETURNS bool LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR === (LEFTARG = en, RIGHTARG = en, FUNCTION = en_eq, RESTRICT = eqsel, JOIN = eqjoinsel);
CREATE FUNCTION to_int(en) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE CAST (en AS int) WITH FUNCTION to_int(en);
CREATE FUNCTION step(int, en) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE ag(en) (SFUNC = step, STYPE = int, INITCOND = '0');
SELECT * FROM deps WHERE object ~ 'f1|f2|p1|en_eq|===|to_int|cast|step|ag\(' ORDER BY 1, 2, 3;
-- others
CREATE STATISTICS st ON id, b FROM t1;
CREATE POLICY pol ON t1 FOR SELECT TO dep_a USING (id > 3);
CREATE COLLATION coll FROM "C";
CREATE TEXT SEARCH DICTIONARY di (TEMPLATE = simple);
CREATE TEXT SEARCH CONFIGURATION cf (PARSER = "default");
SELECT * FROM deps WHERE object ~ 'st$|pol|coll|di$|cf|default' ORDER BY 1, 2, 3;
-- owners and grants
SELECT * FROM owners ORDER BY 1, 2, 3;
ALTER TABLE t1 OWNER TO dep_a;
ALTER TYPE en OWNER TO dep_a;
ALTER TYPE co OWNER TO dep_b;
ALTER FUNCTION f1(en, co) OWNER TO dep_b;
GRANT SELECT ON t1 TO dep_b;
GRANT SELECT (g) ON t2 TO dep_a, dep_b;
GRANT USAGE ON SCHEMA dp TO dep_a;
GRANT EXECUTE ON FUNCTION f2() TO dep_a;
ALTER DEFAULT PRIVILEGES FOR ROLE dep_a IN SCHEMA dp GRANT SELECT ON TABLES TO dep_b;
SELECT * FROM owners ORDER BY 1, 2, 3;
SELECT * FROM deps WHERE object ~ 'privileges' ORDER BY 1, 2, 3;
ALTER DEFAULT PRIVILEGES FOR ROLE dep_a IN SCHEMA dp REVOKE SELECT ON TABLES FROM dep_b;
REVOKE SELECT ON t1 FROM dep_b;
REVOKE SELECT (g) ON t2 FROM dep_b;
SELECT * FROM owners ORDER BY 1, 2, 3;
REASSIGN OWNED BY dep_a, dep_b TO postgres;
DROP OWNED BY dep_a, dep_b;
SELECT * FROM owners ORDER BY 1, 2, 3;
DROP ROLE dep_a, dep_b;
SET client_min_messages = warning;
DROP SCHEMA dp CASCADE;
SELECT * FROM deps ORDER BY 1, 2, 3;
