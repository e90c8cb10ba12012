-- Table inheritance: merged columns, scans of the tree, changes in it, ALTER TABLE's recursion.
CREATE TABLE inh_a (aa text, n int DEFAULT 5, CHECK (n > 0));
CREATE TABLE inh_b (bb text) INHERITS (inh_a);
CREATE TABLE inh_c (cc text, aa text) INHERITS (inh_a);
CREATE TABLE inh_d (dd text) INHERITS (inh_b, inh_c);
CREATE TABLE inh_e (n text) INHERITS (inh_a);
CREATE TABLE inh_e () INHERITS (inh_a, inh_a);
INSERT INTO inh_a VALUES ('a1'), ('a2', 7);
INSERT INTO inh_b VALUES ('b1', 1, 'bb');
INSERT INTO inh_c VALUES ('c1', 2, 'cc');
INSERT INTO inh_d VALUES ('d1', 3, 'bb', 'cc', 'dd');
INSERT INTO inh_d (n) VALUES (-1);
SELECT tableoid::regclass, * FROM inh_a;
SELECT tableoid::regclass, * FROM inh_b*;
SELECT * FROM ONLY inh_a;
SELECT count(*), max(n), min(aa) FROM inh_a WHERE n < 6;
SELECT x.aa, y.aa FROM inh_a x JOIN inh_b y ON x.n = y.n ORDER BY 1, 2;
SELECT aa FROM inh_a WHERE n IN (SELECT n FROM inh_c) ORDER BY aa;
SELECT a FROM inh_a a ORDER BY aa LIMIT 2;
UPDATE inh_a SET aa = aa || '!' WHERE n <= 3 RETURNING tableoid::regclass, *;
UPDATE ONLY inh_a SET n = 100 WHERE aa = 'a2';
UPDATE inh_a SET n = inh_b.n + 10 FROM inh_b WHERE inh_a.n = inh_b.n;
SELECT aa, n FROM inh_a ORDER BY aa;
UPDATE inh_a SET n = 0;
DELETE FROM inh_a WHERE n = 100 RETURNING *;
DELETE FROM inh_c WHERE n = 2;
SELECT tableoid::regclass, aa, n FROM inh_a ORDER BY 2;
BEGIN;
SELECT aa FROM inh_a WHERE n > 10 ORDER BY aa FOR UPDATE;
ROLLBACK;
-- What the catalog says.
SELECT attrelid::regclass, attname, attislocal, attinhcount FROM pg_attribute
 WHERE attrelid IN ('inh_a'::regclass, 'inh_b'::regclass, 'inh_c'::regclass, 'inh_d'::regclass) AND attnum > 0
 ORDER BY attrelid::regclass::text, attnum;
SELECT conrelid::regclass, conname, conislocal, coninhcount FROM pg_constraint
 WHERE conrelid::regclass::text LIKE 'inh\_%' ORDER BY 1, 2;
SELECT inhrelid::regclass, inhparent::regclass, inhseqno FROM pg_inherits WHERE inhrelid::regclass::text LIKE 'inh\_%'
 ORDER BY 1, 3;
SELECT relname, relhassubclass FROM pg_class WHERE relname LIKE 'inh\_%' ORDER BY 1;
-- ALTER TABLE.
ALTER TABLE inh_a ADD COLUMN z int DEFAULT 9;
ALTER TABLE inh_b ADD COLUMN cc text;
ALTER TABLE ONLY inh_a ADD COLUMN y int;
SELECT * FROM inh_d;
ALTER TABLE inh_b DROP COLUMN z;
ALTER TABLE inh_a RENAME COLUMN z TO zz;
ALTER TABLE inh_b RENAME COLUMN zz TO zzz;
ALTER TABLE ONLY inh_a RENAME COLUMN zz TO zzz;
SELECT zz FROM inh_d;
ALTER TABLE inh_a DROP COLUMN zz;
SELECT * FROM inh_d;
ALTER TABLE inh_a ADD CONSTRAINT inh_len CHECK (length(aa) < 10);
ALTER TABLE inh_a ADD CONSTRAINT inh_own CHECK (n <> 77) NO INHERIT;
INSERT INTO inh_d (aa, n) VALUES ('much too long', 1);
INSERT INTO inh_d (aa, n) VALUES ('ok', 77);
INSERT INTO inh_a (aa, n) VALUES ('no', 77);
ALTER TABLE inh_b DROP CONSTRAINT inh_len;
ALTER TABLE ONLY inh_a ADD CONSTRAINT inh_x CHECK (n < 1000);
ALTER TABLE inh_a RENAME CONSTRAINT inh_len TO inh_length;
SELECT conrelid::regclass, conname, conislocal, coninhcount, connoinherit FROM pg_constraint
 WHERE conrelid::regclass::text LIKE 'inh\_%' ORDER BY 1, 2;
ALTER TABLE inh_a DROP CONSTRAINT inh_length;
SET client_min_messages = warning;
ALTER TABLE inh_a ALTER COLUMN n TYPE bigint;
RESET client_min_messages;
ALTER TABLE inh_b ALTER COLUMN n TYPE int;
ALTER TABLE inh_a ALTER COLUMN n SET DEFAULT 6;
SELECT pg_typeof(n) FROM inh_d LIMIT 1;
INSERT INTO inh_d (aa) VALUES ('default') RETURNING n;
ALTER TABLE inh_c NO INHERIT inh_a;
ALTER TABLE inh_c NO INHERIT inh_a;
SELECT tableoid::regclass, count(*) FROM inh_a GROUP BY 1 ORDER BY 1;
ALTER TABLE inh_c INHERIT inh_a;
ALTER TABLE inh_a INHERIT inh_d;
DROP TABLE inh_a;
TRUNCATE inh_a;
SELECT count(*) FROM inh_d;
DROP TABLE inh_a CASCADE;
-- Defaults and checks of several parents.
CREATE TABLE inh_p (a int DEFAULT 1, CONSTRAINT k CHECK (a > 0));
CREATE TABLE inh_q (a int DEFAULT 2, CONSTRAINT k CHECK (a > 0));
CREATE TABLE inh_r () INHERITS (inh_p, inh_q);
CREATE TABLE inh_r (a int DEFAULT 3) INHERITS (inh_p, inh_q);
INSERT INTO inh_r DEFAULT VALUES RETURNING *;
SELECT conname, conislocal, coninhcount FROM pg_constraint WHERE conrelid = 'inh_r'::regclass;
CREATE TABLE inh_s (CONSTRAINT k CHECK (a > 0)) INHERITS (inh_p);
CREATE TABLE inh_t (CONSTRAINT k CHECK (a > 1)) INHERITS (inh_p);
DROP TABLE inh_p, inh_q, inh_r, inh_s;
