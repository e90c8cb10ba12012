-- A side of a union whose partitions wait for each other (a join over another union) must not be read one after the other.
SELECT * FROM information_schema.usage_privileges WHERE object_type LIKE 'FOREIGN%' AND object_name IN ('s6', 'foo')
ORDER BY 1, 2, 3, 4, 5;
SELECT * FROM information_schema.usage_privileges WHERE object_name = 'foo';
CREATE TABLE uj_a AS SELECT g AS id, g % 7 AS k FROM generate_series(1, 5000) g;
CREATE TABLE uj_b AS SELECT g AS id, g % 5 AS k FROM generate_series(1, 3000) g;
ANALYZE uj_a, uj_b;
SELECT count(*), sum(id) FROM (
  SELECT id FROM uj_a WHERE id < 10
  UNION ALL
  SELECT u.id FROM (SELECT id, k FROM uj_a UNION ALL SELECT id, k FROM uj_b) u JOIN uj_b b ON u.id = b.id
) x;
SELECT id FROM (
  SELECT id FROM uj_a WHERE id < 4
  UNION ALL
  SELECT u.id FROM (SELECT id, k FROM uj_a UNION ALL SELECT id, k FROM uj_b) u JOIN uj_b b ON u.id = b.id WHERE b.k = 3
) x ORDER BY 1 LIMIT 8;
DROP TABLE uj_a, uj_b;
