-- What LIKE, INHERITS and partitions take over, and the texts of what they refuse.
\set VERBOSITY verbose
\set SHOW_CONTEXT never
CREATE TABLE to_1 (a text CHECK (length(a) > 2) PRIMARY KEY, b text);
CREATE INDEX to_1_b_key ON to_1 (b);
CREATE STATISTICS to_1_a_b_stat ON a, b FROM to_1;
COMMENT ON STATISTICS to_1_a_b_stat IS 'ab stats';
COMMENT ON COLUMN to_1.a IS 'A';
COMMENT ON CONSTRAINT to_1_a_check ON to_1 IS 't1_a_check';
COMMENT ON INDEX to_1_pkey IS 'index pkey';
COMMENT ON INDEX to_1_b_key IS 'index b_key';
ALTER TABLE to_1 ALTER COLUMN a SET STORAGE MAIN;
CREATE TABLE to_all (LIKE to_1 INCLUDING ALL);
\d+ to_all
SELECT c.relname, objsubid, description FROM pg_description, pg_index i, pg_class c
  WHERE classoid = 'pg_class'::regclass AND objoid = i.indexrelid AND c.oid = i.indexrelid AND i.indrelid = 'to_all'::regclass
  ORDER BY c.relname, objsubid;
SELECT s.stxname, description FROM pg_description, pg_statistic_ext s
  WHERE classoid = 'pg_statistic_ext'::regclass AND objoid = s.oid AND s.stxrelid = 'to_all'::regclass;
SELECT conname, description FROM pg_description, pg_constraint c
  WHERE classoid = 'pg_constraint'::regclass AND objoid = c.oid AND c.conrelid = 'to_all'::regclass;
CREATE TABLE to_2 (a text, c text);
CREATE TABLE to_12 () INHERITS (to_1, to_2);
CREATE TABLE to_like (LIKE to_1 INCLUDING STORAGE) INHERITS (to_2);
CREATE TABLE to_like (LIKE to_1) INHERITS (to_2);
CREATE TABLE to_child () INHERITS (to_1);
SELECT attname, attstorage FROM pg_attribute WHERE attrelid = 'to_child'::regclass AND attnum > 0 ORDER BY attnum;
CREATE TABLE to_noinh (a int CHECK (a > 0) NO INHERIT);
CREATE TABLE to_noinh2 (LIKE to_noinh INCLUDING CONSTRAINTS);
\d to_noinh2
CREATE TABLE to_noinh3 (LIKE to_noinh INCLUDING ALL) PARTITION BY LIST (a);
-- A column of two parents goes with the last of them.
CREATE TABLE to_p1 (id int, name text);
CREATE TABLE to_p2 (id2 int, name text);
CREATE TABLE to_c1 (age int) INHERITS (to_p1, to_p2);
ALTER TABLE to_p1 DROP COLUMN name;
SELECT attname, attinhcount, attislocal FROM pg_attribute WHERE attrelid = 'to_c1'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum;
CREATE VIEW to_v AS SELECT name FROM to_c1;
ALTER TABLE to_p2 DROP COLUMN name;
ALTER TABLE to_p2 DROP COLUMN name CASCADE;
\d to_c1
-- Unique indexes reach down to tables that are divided by other columns.
CREATE TABLE to_part (a int, b int, c text) PARTITION BY RANGE (a);
CREATE TABLE to_part1 PARTITION OF to_part FOR VALUES FROM (0) TO (10);
CREATE TABLE to_part2 PARTITION OF to_part FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (b);
CREATE UNIQUE INDEX ON to_part (a);
ALTER TABLE to_part ADD PRIMARY KEY (a);
ALTER TABLE to_part ADD UNIQUE (a, b);
CREATE TABLE to_part3 PARTITION OF to_part FOR VALUES FROM (20) TO (30) PARTITION BY RANGE (c);
CREATE INDEX to_part_a_idx ON ONLY to_part (a);
CREATE INDEX ON to_part1 (a);
CREATE INDEX to_part1_2 ON to_part1 (a);
CREATE INDEX to_part1_desc ON to_part1 (a DESC);
CREATE INDEX to_1_i ON to_1 (a);
ALTER INDEX to_part_a_idx ATTACH PARTITION nosuch;
ALTER INDEX to_part_a_idx ATTACH PARTITION to_part1;
ALTER INDEX to_part_a_idx ATTACH PARTITION to_1_i;
ALTER INDEX to_part_a_idx ATTACH PARTITION to_part1_desc;
ALTER INDEX to_part_a_idx ATTACH PARTITION to_part1_2;
SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'to_part_a_idx'::regclass;
ALTER INDEX to_part_a_idx ATTACH PARTITION to_part1_a_idx;
ALTER INDEX to_part1_2 ATTACH PARTITION to_part1_a_idx;
CREATE TABLE to_part_x PARTITION OF to_part FOR VALUES FROM (NULL) TO (40);
CREATE TABLE to_part_x PARTITION OF to_part FOR VALUES FROM (a) TO (40);
CREATE TABLE to_part_x (LIKE to_part) PARTITION BY LIST (a);
CREATE TABLE to_hash (a int, b text) PARTITION BY HASH (a, b);
CREATE TABLE to_hash1 PARTITION OF to_hash FOR VALUES WITH (MODULUS 8);
CREATE TABLE to_hash1 PARTITION OF to_hash FOR VALUES WITH (MODULUS 8, REMAINDER 1, foo 2);
SELECT satisfies_hash_partition(0, 4, 0, NULL);
SELECT satisfies_hash_partition('to_hash'::regclass, 4, 0, NULL::int, NULL::json);
SELECT satisfies_hash_partition('to_hash'::regclass, 4, 0, VARIADIC ARRAY[1, 2]::int[]);
CREATE TABLE to_range (a int, b int) PARTITION BY RANGE (a, b);
CREATE TABLE to_range1 PARTITION OF to_range FOR VALUES FROM (1, 2) TO (1, 2);
CREATE TABLE to_range1 PARTITION OF to_range FOR VALUES FROM (3, 2) TO (1, 2);
ALTER TABLE to_1 DETACH PARTITION to_range;
ALTER TABLE to_range DETACH PARTITION to_1;
ALTER TABLE to_range SET (fillfactor = 50);
ALTER TABLE to_1 REPLICA IDENTITY USING INDEX to_part1_desc;
ALTER TABLE to_1 CLUSTER ON to_part1_desc;
CREATE TABLE to_gen (a int, b bool GENERATED ALWAYS AS (a) STORED);
-- Domains bring their defaults to rows that are there, and their errors name them.
CREATE DOMAIN to_d1 AS int DEFAULT 7 CHECK (value > 5);
CREATE DOMAIN to_d2 AS to_d1 DEFAULT 8 NOT NULL;
CREATE TABLE to_dt (a int);
INSERT INTO to_dt VALUES (1), (2);
ALTER TABLE to_dt ADD b to_d1;
ALTER TABLE to_dt ADD c to_d2;
ALTER TABLE to_dt ADD d to_d1 DEFAULT 3;
ALTER TABLE to_dt ADD e to_d1[];
SELECT * FROM to_dt ORDER BY a;
INSERT INTO to_dt(b) VALUES (1);
INSERT INTO to_dt(c) VALUES (NULL);
ALTER DOMAIN to_d1 ADD CHECK (value < 9);
CREATE TABLE to_id (a text NOT NULL, b serial GENERATED ALWAYS AS IDENTITY);
CREATE TABLE to_id (a text);
ALTER TABLE to_id ALTER a ADD GENERATED ALWAYS AS IDENTITY;
ALTER TABLE to_dt ADD COLUMN g int GENERATED ALWAYS AS (a) STORED, ALTER COLUMN g DROP EXPRESSION;
-- A row that moves is returned from where it went.
CREATE TABLE to_mv (a int, b int) PARTITION BY RANGE (a);
CREATE TABLE to_mv1 PARTITION OF to_mv FOR VALUES FROM (0) TO (10);
CREATE TABLE to_mv2 (b int, a int);
ALTER TABLE to_mv ATTACH PARTITION to_mv2 FOR VALUES FROM (10) TO (20);
INSERT INTO to_mv VALUES (1, 1);
UPDATE to_mv SET a = a + 10 RETURNING tableoid::regclass, *;
