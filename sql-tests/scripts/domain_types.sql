-- Domains: conditions, defaults, coercion, changes.
CREATE DOMAIN posint AS int CHECK (VALUE > 0);
CREATE DOMAIN small AS posint CONSTRAINT small_max CHECK (VALUE < 10) DEFAULT 5;
CREATE DOMAIN word AS varchar(4) NOT NULL;
CREATE TABLE d (id int, p posint, s small, w word DEFAULT 'w');
INSERT INTO d VALUES (1, 1, 1, 'abc');
INSERT INTO d (id) VALUES (2);
INSERT INTO d VALUES (3, 0, 1, 'a');
INSERT INTO d VALUES (3, 1, 10, 'a');
INSERT INTO d VALUES (3, 1, -1, 'a');
INSERT INTO d VALUES (3, 1, 1, NULL);
INSERT INTO d SELECT 3, 1, 1, x FROM (VALUES ('abcde')) v (x);
UPDATE d SET p = p - 1 WHERE id = 1;
SELECT * FROM d ORDER BY id;
SELECT 5::posint, (-5)::posint;
SELECT '7'::small + 1 AS sum, pg_typeof('7'::small), pg_typeof('7'::small + 1);
SELECT NULL::word;
SELECT p + s, p = s, upper(w) FROM d WHERE id = 1;
SELECT ARRAY[1, 2]::posint[], '{1,0}'::posint[];
ALTER DOMAIN posint ADD CHECK (VALUE < 1);
ALTER DOMAIN posint ADD CONSTRAINT big CHECK (VALUE < 100) NOT VALID;
INSERT INTO d VALUES (4, 100, 1, 'a');
ALTER DOMAIN posint VALIDATE CONSTRAINT big;
ALTER DOMAIN posint DROP CONSTRAINT big;
ALTER DOMAIN posint DROP CONSTRAINT big;
ALTER DOMAIN posint DROP CONSTRAINT IF EXISTS big;
INSERT INTO d VALUES (4, 100, 1, 'a');
ALTER DOMAIN posint SET DEFAULT 9;
INSERT INTO d (id) VALUES (5);
SELECT * FROM d ORDER BY id;
ALTER DOMAIN posint SET NOT NULL;
ALTER DOMAIN word DROP NOT NULL;
INSERT INTO d VALUES (6, 1, 1, NULL);
CREATE DOMAIN bad AS int UNIQUE;
CREATE DOMAIN posint AS text;
SELECT domain_name, data_type FROM information_schema.domains WHERE domain_schema = 'public' ORDER BY 1;
-- The order of what depends differs.
\set VERBOSITY terse
DROP DOMAIN posint;
\set VERBOSITY default
-- The order of what depends differs.
\set VERBOSITY terse
DROP DOMAIN posint CASCADE;
\set VERBOSITY default
SELECT * FROM d ORDER BY id;
DROP TABLE d;
DROP DOMAIN word;
DROP DOMAIN IF EXISTS small;
