-- Statistics objects over columns of many types, and lists whose frequencies are equal.
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN small AS int CHECK (VALUE < 100000);
CREATE TYPE pair AS (x int, y text);
CREATE TABLE ty (a mood, b small, c char(5), d timestamp, e timestamptz, f interval, g uuid, h int[], i text[], j inet, k numeric,
                 l bytea, m "char", n oid, o time, p money, q pair, r int4range, s bit(3), t float4, u int8, v int2, w timetz, x macaddr);
INSERT INTO ty SELECT
  (ARRAY['sad', 'ok', 'happy'])[1 + i % 3]::mood, i % 7, 'c' || i % 4, timestamp '2020-01-01 12:00' + (i % 5) * interval '1 day',
  timestamptz '2020-01-01 12:00+00' + (i % 6) * interval '1 hour', (i % 4) * interval '1 month 2 days 3 minutes',
  ('00000000-0000-0000-0000-00000000000' || i % 8)::uuid, ARRAY[i % 2, i % 3], ARRAY['a' || i % 2, NULL], ('10.0.0.' || i % 9)::inet,
  (i % 5) * 1.50, decode(repeat('0' || i % 4, 3), 'hex'), chr(97 + i % 3)::"char", i % 4, time '10:00' + (i % 3) * interval '1 minute',
  (i % 3)::money, ROW(i % 2, 'p' || i % 3)::pair, int4range(i % 4, i % 4 + 5), (i % 8)::bit(3), (i % 4) / 3.0, i % 6 * 10000000000, i % 5,
  timetz '10:00+02' + (i % 2) * interval '1 minute', ('08:00:2b:01:02:0' || i % 5)::macaddr
  FROM generate_series(1, 500) i;
SET timezone = 'UTC';
CREATE STATISTICS ty1 ON a, b, c FROM ty;
CREATE STATISTICS ty2 ON d, e, f FROM ty;
CREATE STATISTICS ty3 ON g, h FROM ty;
CREATE STATISTICS ty4 ON i, j, k FROM ty;
CREATE STATISTICS ty5 ON l, m, n FROM ty;
CREATE STATISTICS ty6 ON o, p, q FROM ty;
CREATE STATISTICS ty7 ON r, s, t FROM ty;
CREATE STATISTICS ty8 ON u, v, w, x FROM ty;
CREATE STATISTICS ty9 ON (h[1] + v), (lower((q).y)), a, (lower(r)) FROM ty;
ANALYZE ty;
SELECT statistics_name, attnames, exprs, n_distinct, dependencies FROM pg_stats_ext ORDER BY 1;
SELECT s.stxname, m.index, m.values, m.nulls, m.frequency, m.base_frequency
  FROM pg_statistic_ext s, pg_statistic_ext_data d, pg_mcv_list_items(d.stxdmcv) m WHERE d.stxoid = s.oid AND s.stxname IN ('ty1', 'ty4') ORDER BY 1, 2;
SELECT s.stxname, count(*), min(m.index), max(m.index), sum(m.frequency), md5(string_agg(m.values::text || m.nulls::text || m.base_frequency, ',' ORDER BY m.index))
  FROM pg_statistic_ext s, pg_statistic_ext_data d, pg_mcv_list_items(d.stxdmcv) m WHERE d.stxoid = s.oid GROUP BY 1 ORDER BY 1;
SELECT expr, null_frac, avg_width, n_distinct, most_common_vals, most_common_freqs, histogram_bounds, correlation FROM pg_stats_ext_exprs ORDER BY 1;
SELECT attname, null_frac, avg_width, n_distinct, most_common_vals, most_common_freqs, histogram_bounds, correlation FROM pg_stats
  WHERE tablename = 'ty' AND attname NOT IN ('h', 'i', 'r') ORDER BY 1;
-- frequencies that are equal in part
CREATE TABLE ties (a int, b int, c text);
INSERT INTO ties SELECT (i * i) % 23, (i * 7) % 11, CASE WHEN i % 3 > 0 THEN 't' || (i * i * 3) % 5 END FROM generate_series(1, 1500) i;
CREATE STATISTICS tie1 (mcv) ON a, b FROM ties;
CREATE STATISTICS tie2 (mcv) ON a, c FROM ties;
CREATE STATISTICS tie3 (mcv) ON b, c FROM ties;
CREATE STATISTICS tie4 ON a, b, c FROM ties;
ANALYZE ties;
SELECT s.stxname, m.index, m.values, m.frequency FROM pg_statistic_ext s, pg_statistic_ext_data d, pg_mcv_list_items(d.stxdmcv) m
  WHERE d.stxoid = s.oid AND s.stxname LIKE 'tie%' ORDER BY 1, 2;
ALTER STATISTICS tie1 SET STATISTICS 30;
ALTER STATISTICS tie4 SET STATISTICS 1000;
SET default_statistics_target = 20;
ANALYZE ties;
SELECT s.stxname, m.index, m.values, m.frequency FROM pg_statistic_ext s, pg_statistic_ext_data d, pg_mcv_list_items(d.stxdmcv) m
  WHERE d.stxoid = s.oid AND s.stxname LIKE 'tie%' ORDER BY 1, 2;
SELECT attname, n_distinct, most_common_vals, most_common_freqs, histogram_bounds, correlation FROM pg_stats WHERE tablename = 'ties' ORDER BY 1;
ALTER TABLE ties ALTER a SET STATISTICS 50, ALTER b SET STATISTICS 3;
ANALYZE ties;
SELECT attname, n_distinct, most_common_vals, most_common_freqs, histogram_bounds, correlation FROM pg_stats WHERE tablename = 'ties' ORDER BY 1;
SELECT statistics_name, array_length(most_common_freqs, 1) FROM pg_stats_ext WHERE tablename = 'ties' ORDER BY 1;
RESET default_statistics_target;
-- wide values
CREATE TABLE wide (a text, b int, c int);
INSERT INTO wide SELECT CASE WHEN i % 4 = 0 THEN repeat('w' || i % 3, 600) ELSE 'n' || i % 5 END, i % 3, i % 2 FROM generate_series(1, 200) i;
CREATE STATISTICS wide1 ON a, b FROM wide;
ANALYZE wide;
SELECT n_distinct, dependencies, most_common_vals, most_common_freqs, most_common_base_freqs FROM pg_stats_ext WHERE statistics_name = 'wide1';
SELECT attname, null_frac, n_distinct, most_common_vals, most_common_freqs, histogram_bounds FROM pg_stats WHERE tablename = 'wide' ORDER BY 1;
-- who may see them
CREATE ROLE stats_reader;
GRANT SELECT ON ty TO stats_reader;
SET ROLE stats_reader;
SELECT count(*) FROM pg_stats_ext;
SELECT count(*) FROM pg_stats_ext_exprs;
SELECT count(*) FROM pg_statistic_ext_data;
RESET ROLE;
REVOKE SELECT ON ty FROM stats_reader;
DROP ROLE stats_reader;
-- objects go with their columns and tables
ALTER TABLE ty DROP COLUMN b;
SELECT statistics_name FROM pg_stats_ext WHERE tablename = 'ty' ORDER BY 1;
ALTER TABLE ties ALTER a TYPE bigint;
SELECT statistics_name FROM pg_stats_ext WHERE tablename = 'ties' ORDER BY 1;
DROP TABLE ty, ties;
SELECT count(*) FROM pg_statistic_ext_data;
