-- Statements that change so many rows that their foreign keys are looked at before the end.
CREATE TABLE parent (id int PRIMARY KEY, name text);
CREATE TABLE child (id int PRIMARY KEY, up int REFERENCES parent);
INSERT INTO parent SELECT i, 'p' || i FROM generate_series(1, 100) i;
INSERT INTO child SELECT i, i % 100 + 1 FROM generate_series(1, 25000) i;
SELECT count(*), sum(up) FROM child;
-- The first row without a parent is the one that is named; a duplicate key further on comes before it.
INSERT INTO child SELECT i, CASE WHEN i % 7000 = 0 THEN i ELSE 1 END FROM generate_series(30001, 60000) i;
INSERT INTO child SELECT CASE WHEN i = 60000 THEN 1 ELSE i END, CASE WHEN i = 31000 THEN 777 ELSE 1 END FROM generate_series(30001, 60000) i;
UPDATE child SET up = CASE WHEN id = 24000 THEN 101 ELSE 2 END;
SELECT count(*), sum(up) FROM child;
-- Rows that refer to rows still to come.
CREATE TABLE node (id int PRIMARY KEY, next int REFERENCES node);
CREATE INDEX ON node (next);
INSERT INTO node SELECT i, CASE WHEN i < 30000 THEN i + 1 END FROM generate_series(1, 30000) i;
INSERT INTO node SELECT i, i + 1 FROM generate_series(40001, 70000) i;
UPDATE node SET id = id + 100000, next = next + 100000;
SELECT count(*), min(id), max(next) FROM node;
UPDATE node SET id = id + 1 WHERE id > 120000;
DELETE FROM node WHERE id > 110000;
DELETE FROM node WHERE id >= 100001;
SELECT count(*) FROM node;
-- Actions on many rows.
CREATE TABLE cascading (id int, up int REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE);
CREATE INDEX ON cascading (up);
DROP TABLE child;
INSERT INTO cascading SELECT i, i % 100 + 1 FROM generate_series(1, 25000) i;
UPDATE parent SET id = id + 1000 WHERE id > 50;
DELETE FROM parent WHERE id <= 20;
SELECT count(*), sum(up) FROM cascading;
DROP TABLE cascading, node, parent;
