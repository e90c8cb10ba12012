-- MERGE: actions in order, conditions, defaults, errors.
CREATE TABLE mg_target (id int PRIMARY KEY, balance int DEFAULT -1, note text);
CREATE TABLE mg_source (id int, delta int);
INSERT INTO mg_target VALUES (1, 10, 'a'), (2, 20, 'b'), (3, 30, 'c');
INSERT INTO mg_source VALUES (2, 5), (3, 40), (4, 7), (5, NULL);
\set QUIET off
MERGE INTO mg_target t USING mg_source s ON t.id = s.id
  WHEN MATCHED AND t.balance < s.delta THEN DELETE
  WHEN MATCHED THEN UPDATE SET balance = t.balance + s.delta, note = (SELECT max(x.note) FROM mg_target x)
  WHEN NOT MATCHED AND s.delta IS NULL THEN DO NOTHING
  WHEN NOT MATCHED THEN INSERT (id, note) VALUES (s.id, 'new');
\set QUIET on
SELECT * FROM mg_target ORDER BY id;
WITH q AS (SELECT 9 AS id) MERGE INTO mg_target t USING q ON t.id = q.id
  WHEN NOT MATCHED THEN INSERT VALUES (q.id, DEFAULT, (SELECT 'from ' || id FROM q));
MERGE INTO mg_target USING (VALUES (10)) v(n) ON false WHEN NOT MATCHED THEN INSERT (id) VALUES (n);
SELECT * FROM mg_target ORDER BY id;
-- A row is changed once at most.
INSERT INTO mg_source VALUES (2, 6);
MERGE INTO mg_target t USING mg_source s ON t.id = s.id WHEN MATCHED THEN UPDATE SET balance = 0;
MERGE INTO mg_target t USING mg_source s ON t.id = s.id WHEN MATCHED THEN DELETE;
MERGE INTO mg_target t USING mg_source s ON t.id = s.id WHEN NOT MATCHED THEN INSERT VALUES (1, 1, '');
-- What is refused.
MERGE INTO mg_target t USING mg_source s ON t.id = s.id WHEN NOT MATCHED THEN INSERT (id) VALUES (t.id);
MERGE INTO mg_target t USING mg_source s ON t.id = s.id WHEN NOT MATCHED AND t.id = 1 THEN DO NOTHING;
MERGE INTO mg_target t USING mg_source s ON t.id = s.id WHEN MATCHED THEN DELETE WHEN MATCHED THEN DO NOTHING;
MERGE INTO mg_target t USING mg_source s ON t.id = s.id WHEN MATCHED AND t.xmin = t.xmax THEN DELETE;
MERGE INTO mg_target USING mg_target ON true WHEN MATCHED THEN DELETE;
MERGE INTO mg_target t USING (SELECT t.id) s ON true WHEN MATCHED THEN DELETE;
MERGE INTO mg_target t USING mg_source s ON t.id = s.id WHEN MATCHED THEN INSERT DEFAULT VALUES;
MERGE INTO mg_target t USING mg_source s ON t.id = s.id WHEN NOT MATCHED THEN INSERT (id, id) VALUES (1, 2);
MERGE INTO mg_target t USING mg_source s ON t.id = s.id WHEN NOT MATCHED THEN INSERT (id) VALUES (1, 2);
MERGE INTO mg_target t USING mg_source s ON t.id = s.id WHEN NOT MATCHED THEN INSERT (id, note) VALUES (1);
MERGE INTO mg_target t USING mg_source s ON t.id = s.id WHEN MATCHED AND count(*) > 1 THEN DELETE;
WITH x AS (MERGE INTO mg_target USING mg_source ON true WHEN MATCHED THEN DELETE) SELECT 1;
SELECT * FROM mg_target ORDER BY id;
DROP TABLE mg_target;
DROP TABLE mg_source;
