-- Ten thousand savepoints inside one another.
CREATE TABLE sp_rows (n int PRIMARY KEY);
BEGIN;
SELECT format('SAVEPOINT s%s', g), format('INSERT INTO sp_rows VALUES (%s)', g) FROM generate_series(1, 10000) g \gexec
SELECT count(*), max(n) FROM sp_rows;
ROLLBACK TO s5001;
SELECT count(*), max(n) FROM sp_rows;
INSERT INTO sp_rows VALUES (1);
ROLLBACK TO s4001;
SELECT count(*), max(n) FROM sp_rows;
RELEASE s2001;
ROLLBACK TO s2001;
ROLLBACK TO s2000;
SELECT count(*), max(n) FROM sp_rows;
INSERT INTO sp_rows VALUES (1), (2000);
ROLLBACK TO s1;
INSERT INTO sp_rows VALUES (7);
COMMIT;
SELECT * FROM sp_rows;
DROP TABLE sp_rows;
