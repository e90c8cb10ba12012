-- Deferrable constraints: when they are checked, what SET CONSTRAINTS and savepoints do, what they cannot be used for.
\set VERBOSITY verbose
\set SHOW_CONTEXT never
CREATE TABLE d_parent (id int PRIMARY KEY, alt int UNIQUE DEFERRABLE);
CREATE TABLE d_child (id int PRIMARY KEY, p int CONSTRAINT d_child_p REFERENCES d_parent DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE d_seq (n int CONSTRAINT d_seq_n PRIMARY KEY DEFERRABLE INITIALLY IMMEDIATE, t text);
\d d_child
\d d_seq
SELECT conname, condeferrable, condeferred FROM pg_constraint WHERE conname LIKE 'd\_%' ORDER BY 1;
SELECT indexrelid::regclass, indimmediate FROM pg_index WHERE indrelid IN ('d_parent'::regclass, 'd_seq'::regclass) ORDER BY 1;

-- the end of the statement is soon enough for a deferrable key
INSERT INTO d_seq SELECT g, 'x' FROM generate_series(1, 5) g;
UPDATE d_seq SET n = n + 1;
SELECT n FROM d_seq ORDER BY 1;
\set VERBOSITY terse
UPDATE d_seq SET n = 3 WHERE n = 2;
INSERT INTO d_seq VALUES (4, 'again');
BEGIN;
SET CONSTRAINTS d_seq_n DEFERRED;
INSERT INTO d_seq VALUES (4, 'again');
SELECT count(*) FROM d_seq WHERE n = 4;
DELETE FROM d_seq WHERE n = 4 AND t = 'x';
COMMIT;
SELECT * FROM d_seq ORDER BY 1, 2;
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO d_seq VALUES (4, 'twice');
COMMIT;
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO d_seq VALUES (4, 'twice');
SET CONSTRAINTS ALL IMMEDIATE;
SELECT 1;
ROLLBACK;

-- foreign keys
INSERT INTO d_child VALUES (1, 10);
BEGIN;
INSERT INTO d_child VALUES (1, 10);
INSERT INTO d_parent VALUES (10, 100);
COMMIT;
SELECT * FROM d_child;
BEGIN;
DELETE FROM d_parent;
INSERT INTO d_parent VALUES (10, 101);
COMMIT;
BEGIN;
DELETE FROM d_parent;
COMMIT;
BEGIN;
INSERT INTO d_child VALUES (2, 20);
UPDATE d_child SET p = 10 WHERE id = 2;
COMMIT;
BEGIN;
INSERT INTO d_child VALUES (3, 30);
DELETE FROM d_child WHERE id = 3;
COMMIT;
BEGIN;
SET CONSTRAINTS d_child_p IMMEDIATE;
INSERT INTO d_child VALUES (4, 40);
ROLLBACK;

-- savepoints: what is rolled back owes nothing, what it settled is owed again, the mode comes back
BEGIN;
INSERT INTO d_child VALUES (5, 50);
SAVEPOINT a;
INSERT INTO d_child VALUES (6, 60);
ROLLBACK TO a;
INSERT INTO d_parent VALUES (50, 500);
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK TO a;
COMMIT;
BEGIN;
SAVEPOINT a;
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK TO a;
INSERT INTO d_child VALUES (7, 70);
ROLLBACK;
BEGIN;
INSERT INTO d_child VALUES (8, 80);
SAVEPOINT a;
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK TO a;
INSERT INTO d_parent VALUES (80, 800);
RELEASE a;
COMMIT;
SELECT * FROM d_child ORDER BY 1;

-- names
SET CONSTRAINTS ALL DEFERRED;
BEGIN;
SET CONSTRAINTS nowhere DEFERRED;
ROLLBACK;
BEGIN;
SET CONSTRAINTS public.d_child_pkey IMMEDIATE;
SET CONSTRAINTS public.d_child_pkey DEFERRED;
ROLLBACK;
BEGIN;
SET CONSTRAINTS nowhere.d_child_p DEFERRED;
ROLLBACK;

-- what a deferrable key cannot do
INSERT INTO d_seq VALUES (4, 'c') ON CONFLICT DO NOTHING;
INSERT INTO d_seq VALUES (4, 'c') ON CONFLICT (n) DO UPDATE SET t = 'c';
CREATE TABLE d_other (a int REFERENCES d_parent (alt));
SELECT t FROM d_seq GROUP BY n;
BEGIN;
INSERT INTO d_child VALUES (9, 90);
ALTER TABLE d_child ADD COLUMN more int;
ROLLBACK;
BEGIN;
INSERT INTO d_child VALUES (9, 90);
TRUNCATE d_child;
ROLLBACK;
BEGIN;
INSERT INTO d_child VALUES (9, 90);
DROP TABLE d_child;
ROLLBACK;

-- changing it
ALTER TABLE d_child ALTER CONSTRAINT d_child_p NOT DEFERRABLE;
INSERT INTO d_child VALUES (9, 90);
ALTER TABLE d_child ALTER CONSTRAINT d_child_p DEFERRABLE INITIALLY DEFERRED;
BEGIN;
INSERT INTO d_child VALUES (9, 90);
ROLLBACK;
ALTER TABLE d_child ALTER CONSTRAINT d_child_pkey DEFERRABLE;
ALTER TABLE d_seq ADD CONSTRAINT d_seq_t UNIQUE (t) DEFERRABLE INITIALLY DEFERRED;

-- COPY
BEGIN;
COPY d_child FROM STDIN;
20	10
21	77
\.
COMMIT;
SET CONSTRAINTS ALL IMMEDIATE;
-- CASCADE acts at once, whatever is deferred
CREATE TABLE d_casc (p int REFERENCES d_parent ON DELETE CASCADE ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED);
INSERT INTO d_parent VALUES (1, 1);
INSERT INTO d_casc VALUES (1);
BEGIN;
UPDATE d_parent SET id = 2 WHERE id = 1;
SELECT * FROM d_casc;
DELETE FROM d_parent WHERE id = 2;
SELECT * FROM d_casc;
COMMIT;
CREATE TABLE d_like (LIKE d_seq INCLUDING ALL);
SELECT conname, condeferrable, condeferred FROM pg_constraint WHERE conrelid = 'd_like'::regclass ORDER BY 1;
DROP TABLE d_casc, d_child, d_seq, d_parent, d_like;
