-- What ANALYZE computes for statistics objects: of small tables, the sample is the whole table.
CREATE TABLE nd (filler text, a int, b int, c int, d int);
INSERT INTO nd (a, b, c, filler) SELECT mod(i, 50), mod(i, 51), mod(i, 32), 'f' || mod(i, 33) FROM generate_series(1, 1000) s(i);
CREATE STATISTICS nd_s (ndistinct) ON a, b, c FROM nd;
SELECT count(*) FROM pg_statistic_ext_data;
ANALYZE nd;
SELECT s.stxkind, d.stxdinherit, d.stxdndistinct, d.stxddependencies, d.stxdmcv, d.stxdexpr
  FROM pg_statistic_ext s JOIN pg_statistic_ext_data d ON d.stxoid = s.oid WHERE s.stxname = 'nd_s';
SELECT d.stxdndistinct::bytea FROM pg_statistic_ext_data d;
TRUNCATE nd;
INSERT INTO nd (a, b, c, filler) SELECT mod(i, 13), mod(i, 17), mod(i, 19), 'f' || mod(i, 23) FROM generate_series(1, 1000) s(i);
ALTER STATISTICS nd_s SET STATISTICS 0;
ANALYZE nd;
SELECT stxdndistinct FROM pg_statistic_ext_data;
ALTER STATISTICS nd_s SET STATISTICS -1;
ANALYZE nd;
SELECT stxdndistinct FROM pg_statistic_ext_data;
DROP STATISTICS nd_s;
SELECT count(*) FROM pg_statistic_ext_data;
CREATE STATISTICS nd_e ON (a + b), (a - c), b FROM nd;
ANALYZE nd;
SELECT statistics_name, attnames, exprs, kinds, inherited, n_distinct, dependencies FROM pg_stats_ext ORDER BY 1;
SELECT statistics_name, expr, inherited, null_frac, avg_width, n_distinct, most_common_vals, most_common_freqs, histogram_bounds, correlation
  FROM pg_stats_ext_exprs ORDER BY 1, 2;
-- what stands in the way
ALTER TABLE nd ALTER b SET STATISTICS 0;
ANALYZE nd;
ANALYZE nd (a, c);
ALTER TABLE nd ALTER b SET STATISTICS -1;
ANALYZE nd (a, b);
ANALYZE nd (c);
ALTER TABLE nd ALTER COLUMN b TYPE bigint;
SELECT count(*) FROM pg_statistic_ext_data;
DROP TABLE nd;

-- functional dependencies
CREATE TABLE fd (filler1 text, filler2 numeric, a int, b text, filler3 date, c int, d text);
INSERT INTO fd (a, b, c, filler1) SELECT mod(i, 23), mod(i, 29), mod(i, 31), i FROM generate_series(1, 1000) s(i);
CREATE STATISTICS fd_s (dependencies) ON a, b, c FROM fd;
ANALYZE fd;
SELECT dependencies FROM pg_stats_ext WHERE statistics_name = 'fd_s';
TRUNCATE fd;
DROP STATISTICS fd_s;
INSERT INTO fd (a, b, c, filler1) SELECT mod(i, 100), mod(i, 50), mod(i, 25), i FROM generate_series(1, 5000) s(i);
CREATE STATISTICS fd_s (dependencies) ON a, b, c FROM fd;
ANALYZE fd;
SELECT dependencies FROM pg_stats_ext WHERE statistics_name = 'fd_s';
INSERT INTO fd (a, b, c) VALUES (1, '7', 3), (1, NULL, 3), (NULL, '9', NULL), (NULL, '9', 8);
ANALYZE fd;
SELECT dependencies FROM pg_stats_ext WHERE statistics_name = 'fd_s';
CREATE STATISTICS fd_x (dependencies) ON (a * 2), upper(b), (c + 1) FROM fd;
ANALYZE fd;
SELECT dependencies FROM pg_stats_ext WHERE statistics_name = 'fd_x';
SELECT d.stxddependencies::bytea FROM pg_statistic_ext_data d JOIN pg_statistic_ext s ON s.oid = d.stxoid WHERE s.stxname = 'fd_s';

-- most common values
CREATE TABLE mv (filler1 text, a int, b varchar, c int, d text, e date, f bool, g name, h float8, i numeric(8,2));
INSERT INTO mv (a, b, c, filler1) SELECT mod(i, 37), mod(i, 41), mod(i, 43), mod(i, 47) FROM generate_series(1, 1000) s(i);
CREATE STATISTICS mv_s (mcv) ON a, b, c FROM mv;
ANALYZE mv;
SELECT count(*), min(frequency), max(frequency), min(base_frequency), max(base_frequency)
  FROM pg_statistic_ext s, pg_statistic_ext_data d, pg_mcv_list_items(d.stxdmcv) m WHERE d.stxoid = s.oid AND s.stxname = 'mv_s';
TRUNCATE mv;
INSERT INTO mv (a, b, c, filler1) SELECT mod(i, 100), mod(i, 50), mod(i, 25), i FROM generate_series(1, 5000) s(i);
ANALYZE mv;
SELECT m.* FROM pg_statistic_ext s, pg_statistic_ext_data d, pg_mcv_list_items(d.stxdmcv) m
  WHERE d.stxoid = s.oid AND s.stxname = 'mv_s' ORDER BY m.index LIMIT 12;
TRUNCATE mv;
INSERT INTO mv (a, b, c, d, e, f, g, h, i)
  SELECT CASE WHEN i % 10 > 0 THEN (i * i) % 7 END, 'v' || (i::bigint * i * i) % 11, i % 2, CASE WHEN i % 4 > 0 THEN 'it''s "x, y"' || i % 3 END,
         date '2020-01-31' + i % 5, i % 6 > 2, 'n' || i % 2, (i % 5) / 4.0, (i % 6) / 8.0
  FROM generate_series(1, 2000) s(i);
DROP STATISTICS mv_s;
CREATE STATISTICS mv_1 (mcv) ON a, b FROM mv;
CREATE STATISTICS mv_2 (mcv) ON d, e, f FROM mv;
CREATE STATISTICS mv_3 (mcv) ON g, h, c FROM mv;
CREATE STATISTICS mv_4 (mcv) ON i, f, (d || 'z'), (a + 1) FROM mv;
ANALYZE mv;
SELECT s.stxname, m.* FROM pg_statistic_ext s, pg_statistic_ext_data d, pg_mcv_list_items(d.stxdmcv) m
  WHERE d.stxoid = s.oid AND s.stxname LIKE 'mv\__' ORDER BY s.stxname, m.index;
SELECT statistics_name, most_common_vals, most_common_val_nulls, most_common_freqs, most_common_base_freqs FROM pg_stats_ext
  WHERE statistics_name LIKE 'mv\__' ORDER BY 1;
SELECT s.stxname, d.stxdmcv FROM pg_statistic_ext s, pg_statistic_ext_data d
  WHERE d.stxoid = s.oid AND s.stxname IN ('mv_1', 'mv_2', 'mv_3') ORDER BY 1;
ALTER STATISTICS mv_2 SET STATISTICS 5;
ANALYZE mv;
SELECT statistics_name, most_common_vals, most_common_freqs FROM pg_stats_ext WHERE statistics_name = 'mv_2';
SELECT statistics_name, expr, null_frac, avg_width, n_distinct, most_common_vals, most_common_freqs, histogram_bounds, correlation
  FROM pg_stats_ext_exprs WHERE statistics_name LIKE 'mv\__' ORDER BY 1, 2;
SELECT attname, inherited, null_frac, avg_width, n_distinct, most_common_vals, most_common_freqs, histogram_bounds, correlation
  FROM pg_stats WHERE tablename = 'mv' ORDER BY 1;

-- a single expression, and one whose rows are all NULL
CREATE STATISTICS mv_5 ON (a * 3) FROM mv;
CREATE STATISTICS mv_6 ON (NULLIF(c, c)) FROM mv;
ANALYZE mv;
SELECT statistics_name, expr, null_frac, avg_width, n_distinct, most_common_vals, histogram_bounds, correlation
  FROM pg_stats_ext_exprs WHERE statistics_name IN ('mv_5', 'mv_6') ORDER BY 1;
SELECT d.stxdexpr FROM pg_statistic_ext s, pg_statistic_ext_data d WHERE d.stxoid = s.oid AND s.stxname IN ('mv_5', 'mv_6') ORDER BY s.stxname;

-- trees
CREATE TABLE pt (a int, b int) PARTITION BY LIST (a);
CREATE TABLE pt1 PARTITION OF pt FOR VALUES IN (1);
CREATE TABLE pt2 PARTITION OF pt FOR VALUES IN (2);
INSERT INTO pt SELECT 1 + i % 2, i % 6 FROM generate_series(1, 300) i;
CREATE STATISTICS pt_s ON a, b FROM pt;
ANALYZE pt;
SELECT inherited, n_distinct, dependencies, most_common_vals FROM pg_stats_ext WHERE statistics_name = 'pt_s';
CREATE TABLE par (a int, b int);
CREATE TABLE chi () INHERITS (par);
INSERT INTO par SELECT i % 3, i % 6 FROM generate_series(1, 300) i;
INSERT INTO chi SELECT i % 3, i % 4 FROM generate_series(1, 300) i;
CREATE STATISTICS par_s ON a, b FROM par;
ANALYZE par;
SELECT inherited, n_distinct, dependencies FROM pg_stats_ext WHERE statistics_name = 'par_s' ORDER BY 1;
-- no rows, nothing computed
CREATE TABLE emp (a int, b int);
CREATE STATISTICS emp_s ON a, b FROM emp;
ANALYZE emp;
SELECT count(*) FROM pg_stats_ext WHERE statistics_name = 'emp_s';

-- no value can be given of the types
SELECT '[{"6": 1}]'::pg_ndistinct;
SELECT '{}'::pg_dependencies;
SELECT ''::pg_mcv_list;
SELECT ''::internal;
SELECT ''::trigger;
SELECT ''::pg_node_tree;
SELECT ''::anyarray;
SELECT NULL::pg_ndistinct, NULL::pg_mcv_list;
CREATE TABLE kept AS SELECT stxdndistinct n, stxddependencies d, stxdmcv m FROM pg_statistic_ext_data d JOIN pg_statistic_ext s ON s.oid = d.stxoid AND s.stxname = 'pt_s';
SELECT n, d FROM kept;
SELECT (pg_mcv_list_items(m)).values FROM kept;
