-- Enums: order, labels, casts, arrays, indexes, errors.
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE person (id int PRIMARY KEY, m mood NOT NULL, past mood[]);
INSERT INTO person VALUES (1, 'ok', '{sad,ok}'), (2, 'happy', NULL), (3, 'sad', ARRAY['happy', 'sad']::mood[]);
SELECT * FROM person ORDER BY m;
SELECT m, count(*) FROM person GROUP BY m ORDER BY m DESC;
SELECT min(m), max(m) FROM person;
SELECT id FROM person WHERE m > 'sad' ORDER BY id;
SELECT id FROM person WHERE m = ANY (past) ORDER BY id;
INSERT INTO person VALUES (4, 'angry', NULL);
SELECT 'angry'::mood;
SELECT 'sad'::mood < 'ok'::mood AS lt, 'sad'::mood::text || '!' AS txt, pg_typeof('sad'::mood);
SELECT enum_first(NULL::mood), enum_last(NULL::mood), enum_range(NULL::mood), enum_range('ok'::mood, NULL);
ALTER TYPE mood ADD VALUE 'meh' BEFORE 'ok';
ALTER TYPE mood ADD VALUE IF NOT EXISTS 'meh';
ALTER TYPE mood ADD VALUE 'meh';
ALTER TYPE mood ADD VALUE 'x' AFTER 'nothing';
INSERT INTO person VALUES (5, 'meh', NULL);
CREATE INDEX person_m ON person (m);
SELECT id, m FROM person ORDER BY m;
SELECT id FROM person WHERE m BETWEEN 'meh' AND 'ok' ORDER BY m;
ALTER TYPE mood RENAME VALUE 'meh' TO 'so-so';
ALTER TYPE mood RENAME VALUE 'nope' TO 'y';
SELECT id, m FROM person WHERE id = 5;
SELECT enumlabel, enumsortorder FROM pg_enum WHERE enumtypid = 'mood'::regtype ORDER BY enumsortorder;
SELECT typname, typtype, typcategory, typlen, typbyval, typalign FROM pg_type WHERE typname IN ('mood', '_mood') ORDER BY 1;
BEGIN;
ALTER TYPE mood ADD VALUE 'new';
SELECT 'new'::mood;
ROLLBACK;
SELECT enum_range(NULL::mood);
CREATE TYPE mood AS ENUM ();
-- The order of what depends differs.
\set VERBOSITY terse
DROP TYPE mood;
\set VERBOSITY default
ALTER TYPE mood RENAME TO feeling;
SELECT m FROM person ORDER BY m LIMIT 1;
\dT feeling
-- The order of what depends differs.
\set VERBOSITY terse
DROP TYPE feeling CASCADE;
\set VERBOSITY default
SELECT * FROM person ORDER BY id;
DROP TABLE person;
DROP TYPE IF EXISTS feeling;
DROP TYPE feeling;
