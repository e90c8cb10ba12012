-- Table methods by name: USING, the default, and what is wrong with others.
CREATE TABLE am_a (a int) USING heap;
CREATE TABLE am_b (a int) USING nosuch;
CREATE TABLE am_b (a int) USING btree;
CREATE TABLE am_b (a int) USING hash;
CREATE TABLE am_b (a int) PARTITION BY RANGE (a) USING heap;
CREATE TABLE am_b USING nosuch AS SELECT 1 AS x;
CREATE MATERIALIZED VIEW am_m USING nosuch AS SELECT 1 AS x;
ALTER TABLE am_a SET ACCESS METHOD nosuch;
ALTER TABLE am_a SET ACCESS METHOD heap;
SET default_table_access_method = heap;
SET default_table_access_method = 'nosuch';
SET default_table_access_method = '';
SHOW default_table_access_method;
RESET default_table_access_method;
SELECT relname, amname FROM pg_class c JOIN pg_am m ON m.oid = relam WHERE relname = 'am_a';
CREATE INDEX ON am_a USING nosuch (a);
DROP TABLE am_a;
