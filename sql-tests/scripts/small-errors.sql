-- What is told when a name is taken below, an aggregate has no arguments, or a size is no number.
CREATE TABLE small_p (a int, b int);
CREATE TABLE small_c () INHERITS (small_p);
ALTER TABLE small_c ADD x int;
ALTER TABLE small_p ADD y int;
ALTER TABLE ONLY small_c ALTER y DROP NOT NULL;
ALTER TABLE small_p RENAME a TO x;
ALTER TABLE small_p RENAME a TO b;
ALTER TABLE small_p RENAME a TO z;
SELECT attrelid::regclass, attname FROM pg_attribute WHERE attrelid IN ('small_p'::regclass, 'small_c'::regclass) AND attnum > 0 ORDER BY 1, attnum;
DROP TABLE small_p CASCADE;
DROP AGGREGATE small_none;
DROP AGGREGATE IF EXISTS small_none;
ALTER AGGREGATE small_none RENAME TO b;
COMMENT ON AGGREGATE small_none IS 'x';
DROP AGGREGATE IF EXISTS small_none(int);
SELECT pg_size_bytes('1e1000000000000000000');
SELECT pg_size_bytes('1e2147483647');
SELECT pg_size_bytes('1e'), pg_size_bytes('x');
-- Numbers in a list of names stay as they are written.
set search_path = "1a", 121, -12.50, _12, '121', "A";
show search_path;
reset search_path;
