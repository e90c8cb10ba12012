-- Names that types come by, defaults that name a table's own sequence, and what keeps sequences and roles from going.
\set VERBOSITY default

-- Array types make room for types and tables of the same name.
CREATE TABLE na_t (a int);
CREATE TABLE _na_t (b int);
SELECT typname, typelem::regtype FROM pg_type WHERE typname IN ('na_t', '_na_t', '__na_t', '___na_t') ORDER BY 1;
SELECT NULL::na_t[] IS NULL, NULL::_na_t[] IS NULL;
ALTER TABLE na_t RENAME TO na_u;
SELECT typname, typelem::regtype FROM pg_type WHERE typname ~ '^_+na_[tu]$' ORDER BY 1;
DROP TABLE _na_t;
CREATE TYPE _na_c AS (y int);
CREATE TYPE na_c AS (x int);
SELECT typname FROM pg_type WHERE typname ~ 'na_c$' ORDER BY 1;
DROP TYPE na_c, _na_c;
DROP TABLE na_u;

-- Rows of literals become rows of a type.
CREATE TYPE na_mood AS ENUM ('sad', 'ok');
CREATE TYPE na_pair AS (m na_mood, d date, n numeric(5,2));
CREATE TABLE na_rows (r int, p na_pair, ps na_pair[]);
INSERT INTO na_rows VALUES (1, ROW('sad', '2020-01-02', '1.239'), ARRAY[ROW('ok', NULL, 2)]::na_pair[]);
INSERT INTO na_rows VALUES (2, ('ok', '2020-01-03', 7), NULL), (3, ROW('sad', NULL, NULL), '{}');
INSERT INTO na_rows VALUES (4, ROW('none', NULL, NULL));
INSERT INTO na_rows VALUES (4, ROW('sad', NULL));
UPDATE na_rows SET p = ROW('ok', '2021-01-01', 1) WHERE r = 1;
SELECT * FROM na_rows ORDER BY r;
SELECT ROW('a', 1), row_to_json(ROW('a', 1));
SELECT ROW('a', NULL) = ROW('a', NULL), ROW('a', 1) IN (ROW('a', 1)), ROW('a') IS NULL;
DROP TABLE na_rows;
DROP TYPE na_pair, na_mood;

-- A default may name the sequence of a serial column of the same table.
CREATE TABLE na_s (id serial PRIMARY KEY, also bigint DEFAULT nextval('na_s_id_seq'));
INSERT INTO na_s DEFAULT VALUES;
SELECT * FROM na_s;
CREATE TABLE na_bad (id serial, also bigint DEFAULT nextval('na_nothing_seq'));
ALTER TABLE na_s ADD COLUMN more bigint DEFAULT nextval('na_nothing_seq');
DROP TABLE na_s;

-- A view over a sequence's function needs the sequence.
CREATE SEQUENCE na_seq;
CREATE VIEW na_v AS SELECT nextval('na_seq') AS n, 'na_seq'::regclass AS c;
CREATE VIEW na_v2 AS SELECT n FROM na_v;
DROP SEQUENCE na_seq;
DROP SEQUENCE na_seq CASCADE;
SELECT count(*) FROM pg_class WHERE relname IN ('na_v', 'na_v2');

-- What a role had on types and columns that are gone does not hold it.
CREATE ROLE na_role;
CREATE TYPE na_type AS ENUM ('a');
CREATE TABLE na_tab (a int, b int);
GRANT USAGE ON TYPE na_type TO na_role;
GRANT SELECT (b) ON na_tab TO na_role;
DROP ROLE na_role;
DROP TYPE na_type;
ALTER TABLE na_tab DROP COLUMN b;
DROP ROLE na_role;

-- Only the view right around a relation says as whom it is read.
CREATE ROLE na_reader;
CREATE VIEW na_inner AS SELECT a FROM na_tab;
CREATE VIEW na_invoker WITH (security_invoker) AS SELECT a FROM na_inner;
CREATE VIEW na_outer AS SELECT a FROM na_invoker;
CREATE VIEW na_invoker2 WITH (security_invoker) AS SELECT a FROM na_tab;
CREATE VIEW na_outer2 AS SELECT a FROM na_invoker2;
GRANT SELECT, UPDATE ON na_outer, na_outer2 TO na_reader;
SET ROLE na_reader;
SELECT * FROM na_outer;
SELECT * FROM na_outer2;
UPDATE na_outer2 SET a = 1;
RESET ROLE;
GRANT SELECT ON na_inner TO na_reader;
SET ROLE na_reader;
SELECT * FROM na_outer;
RESET ROLE;
DROP VIEW na_outer, na_outer2, na_invoker, na_invoker2, na_inner;
DROP TABLE na_tab;
DROP ROLE na_reader;

-- Operators change hands and schemas.
CREATE ROLE na_role;
CREATE SCHEMA na_schema;
CREATE OPERATOR public.@+@ (LEFTARG = int, RIGHTARG = int, FUNCTION = int4pl, COMMUTATOR = OPERATOR(public.@+@));
SELECT oprcom = oid FROM pg_operator WHERE oprname = '@+@';
ALTER OPERATOR @+@ (int, int) OWNER TO na_role;
ALTER OPERATOR @+@ (int, int) SET SCHEMA na_schema;
ALTER OPERATOR @+@ (int, int) SET SCHEMA na_schema;
ALTER OPERATOR @-@ (int, int) OWNER TO na_role;
SELECT oprnamespace::regnamespace, pg_get_userbyid(oprowner), pg_operator_is_visible(oid)
    FROM pg_operator WHERE oprname = '@+@';
DROP OPERATOR na_schema.@+@ (int, int);
DROP SCHEMA na_schema;
DROP ROLE na_role;

-- Indexes keep their storage parameters.
CREATE TABLE na_i (a int PRIMARY KEY WITH (fillfactor = 80), b int);
CREATE INDEX na_ib ON na_i (b) WITH (fillfactor = 70);
SELECT pg_get_indexdef('na_ib'::regclass), reloptions FROM pg_class WHERE relname = 'na_ib';
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'na_i'::regclass;
ALTER INDEX na_ib SET (fillfactor = 60, deduplicate_items = off);
ALTER INDEX na_ib RESET (fillfactor);
ALTER INDEX na_ib SET (fillfactor = 5);
SELECT reloptions FROM pg_class WHERE relname = 'na_ib';
DROP TABLE na_i;
SELECT format_type('information_schema.sql_identifier'::regtype, NULL), format_type('pg_class'::regtype, NULL);
SELECT to_regoper('+') IS NULL, pg_trigger_depth(), pg_current_logfile() IS NULL;
SELECT normalize('hello', NFC), normalize(U&'\0061\0308' , NFC) = U&'\00e4', U&'\0061\0308' IS NFC NORMALIZED, normalize(U&'\FB01', nfkd);
SELECT is_normalized('x', 'other');
