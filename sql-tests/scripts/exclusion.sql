-- Exclusion constraints: definition, checks, deferral, ON CONFLICT, catalogs.
CREATE TABLE ex_box (id int, b box, EXCLUDE USING gist (b WITH &&));
INSERT INTO ex_box VALUES (1, '((0,0),(1,1))'), (2, '((2,2),(3,3))'), (3, NULL), (4, NULL);
INSERT INTO ex_box VALUES (5, '((0.5,0.5),(0.7,0.7))');
INSERT INTO ex_box VALUES (5, '((0.5,0.5),(0.7,0.7))') ON CONFLICT DO NOTHING;
INSERT INTO ex_box VALUES (5, '((0.5,0.5),(0.7,0.7))') ON CONFLICT ON CONSTRAINT ex_box_b_excl DO NOTHING;
INSERT INTO ex_box VALUES (5, '((0.5,0.5),(0.7,0.7))') ON CONFLICT ON CONSTRAINT ex_box_b_excl DO UPDATE SET id = 0;
INSERT INTO ex_box VALUES (5, '((0.5,0.5),(0.7,0.7))') ON CONFLICT (b) DO NOTHING;
INSERT INTO ex_box VALUES (6, '((10,10),(11,11))'), (7, '((10.5,10.5),(12,12))');
UPDATE ex_box SET b = '((2,2),(4,4))' WHERE id = 1;
UPDATE ex_box SET b = '((2,2),(4,4))' WHERE id = 2;
UPDATE ex_box SET id = id + 100;
SELECT id, b FROM ex_box ORDER BY id;
SELECT conname, contype, condeferrable, conkey, conexclop::regoper[], pg_get_constraintdef(oid) FROM pg_constraint
  WHERE conrelid = 'ex_box'::regclass;
SELECT pg_get_indexdef('ex_box_b_excl'::regclass), indisunique, indisexclusion, indimmediate, indisvalid FROM pg_index
  WHERE indexrelid = 'ex_box_b_excl'::regclass;
SELECT amname FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE c.oid = 'ex_box_b_excl'::regclass;
\d ex_box
\d ex_box_b_excl
DROP INDEX ex_box_b_excl;
ALTER TABLE ex_box RENAME CONSTRAINT ex_box_b_excl TO ex_no_overlap;
\d ex_box
ALTER TABLE ex_box DROP CONSTRAINT ex_no_overlap;
INSERT INTO ex_box VALUES (5, '((0.5,0.5),(20,20))');
ALTER TABLE ex_box ADD CONSTRAINT again EXCLUDE USING gist (b WITH &&);
DELETE FROM ex_box WHERE id = 5;
ALTER TABLE ex_box ADD CONSTRAINT again EXCLUDE USING gist (b WITH &&) WHERE (id > 0) DEFERRABLE INITIALLY DEFERRED;
\d ex_box
BEGIN;
INSERT INTO ex_box VALUES (5, '((2,2),(3,3))');
DELETE FROM ex_box WHERE id = 102;
COMMIT;
BEGIN;
INSERT INTO ex_box VALUES (8, '((2,2),(3,3))');
SELECT count(*) FROM ex_box;
COMMIT;
BEGIN;
INSERT INTO ex_box VALUES (8, '((2,2),(3,3))');
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK;
INSERT INTO ex_box VALUES (0, '((2,2),(3,3))');
INSERT INTO ex_box VALUES (9, '((2,2),(3,3))') ON CONFLICT ON CONSTRAINT again DO NOTHING;
DROP TABLE ex_box;

-- Equality, expressions, several columns.
CREATE TABLE ex_eq (a int, t text, r int4range,
  EXCLUDE (a WITH =),
  CONSTRAINT low EXCLUDE USING hash ((lower(t)) WITH =),
  CONSTRAINT both_ EXCLUDE USING gist (r WITH =, (int4range(a, a + 10)) WITH &&));
\d ex_eq
INSERT INTO ex_eq VALUES (1, 'A', '[1,5)'), (20, 'b', '[1,5)');
INSERT INTO ex_eq VALUES (1, 'c', '[2,5)');
INSERT INTO ex_eq VALUES (30, 'a', '[2,5)');
INSERT INTO ex_eq VALUES (5, 'd', '[1,5)');
INSERT INTO ex_eq VALUES (5, 'd', '[1,6)');
INSERT INTO ex_eq SELECT 100 * n, 't' || n, int4range(n, n + 1) FROM generate_series(1, 50) n;
INSERT INTO ex_eq SELECT 100 * n, 'u' || n, int4range(n, n + 1) FROM generate_series(50, 60) n;
UPDATE ex_eq SET a = 1 WHERE a = 20;
UPDATE ex_eq SET a = a + 1 WHERE a >= 100;
SELECT count(*), sum(a) FROM ex_eq;
SELECT * FROM ex_eq WHERE a = 1;
\set VERBOSITY terse
COPY ex_eq FROM stdin;
7	X	[100,200)
8	x	[100,200)
\.
\set VERBOSITY default
SELECT count(*) FROM ex_eq;
CREATE TABLE ex_like (LIKE ex_eq INCLUDING ALL);
\d ex_like
ALTER TABLE ex_eq ALTER COLUMN a TYPE bigint;
ALTER TABLE ex_eq DROP COLUMN r;
\d ex_eq
TRUNCATE ex_eq;
INSERT INTO ex_eq VALUES (1), (2), (NULL), (NULL);
INSERT INTO ex_eq VALUES (2);
DROP TABLE ex_eq, ex_like;

-- What is refused.
CREATE TABLE ex_bad (a int, EXCLUDE USING gist (a WITH =));
CREATE TABLE ex_bad (a int, EXCLUDE USING gin (a WITH =));
CREATE TABLE ex_bad (a int, EXCLUDE USING brin (a WITH =));
CREATE TABLE ex_bad (a int, EXCLUDE USING nothing (a WITH =));
CREATE TABLE ex_bad (a int, EXCLUDE (a WITH <));
CREATE TABLE ex_bad (a int, EXCLUDE (a WITH <>));
CREATE TABLE ex_bad (a int, EXCLUDE (a WITH &&));
CREATE TABLE ex_bad (a int, EXCLUDE (b WITH =));
CREATE TABLE ex_bad (b box, EXCLUDE USING gist (b WITH <<));
CREATE TABLE ex_bad (b box, EXCLUDE USING gist (b DESC WITH &&));
CREATE TABLE ex_bad (b box, EXCLUDE USING gist (b NULLS FIRST WITH &&));
CREATE TABLE ex_bad (b box, EXCLUDE USING gist (b circle_ops WITH &&));
CREATE TABLE ex_bad (b box, EXCLUDE USING hash (b WITH =));
CREATE TABLE ex_bad (a int, b int, EXCLUDE USING hash (a WITH =, b WITH =));
CREATE TABLE ex_bad (a int, b int, EXCLUDE USING hash (a WITH =) INCLUDE (b));
CREATE TABLE ex_bad (a int, EXCLUDE ((a + random()) WITH =));
CREATE TABLE ex_bad (a int, EXCLUDE (a WITH =)) PARTITION BY LIST (a);
CREATE TABLE ex_bad (a int, EXCLUDE (a WITH =) NOT VALID);

-- Inclusion and rights: who may not read the columns is not shown them.
CREATE TABLE ex_inc (a int, b int, c text, CONSTRAINT e EXCLUDE (a WITH =, b WITH =) INCLUDE (c) WHERE (b > 0));
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'ex_inc'::regclass;
SELECT pg_get_constraintdef(oid, true) FROM pg_constraint WHERE conrelid = 'ex_inc'::regclass;
INSERT INTO ex_inc VALUES (1, 1, 'x'), (1, 2, 'x'), (1, 0, 'x'), (1, 0, 'x');
UPDATE ex_inc SET b = 1;
SELECT * FROM ex_inc ORDER BY 1, 2;
CREATE ROLE ex_role;
GRANT INSERT ON ex_inc TO ex_role;
SET ROLE ex_role;
INSERT INTO ex_inc VALUES (1, 1, 'x');
RESET ROLE;
DROP TABLE ex_inc;
DROP ROLE ex_role;
