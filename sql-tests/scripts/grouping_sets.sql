-- Grouping sets, GROUPING(), ordered-set and hypothetical-set aggregates.
CREATE TABLE gs (a int, b int, v int);
INSERT INTO gs VALUES (1, 1, 10), (1, 1, 11), (1, 2, 12), (1, 3, 14), (2, 3, 15), (3, 3, 16), (3, 4, 17), (4, 1, 18), (NULL, 1, 20);
SELECT a, b, grouping(a, b), sum(v), count(*) FROM gs GROUP BY ROLLUP (a, b) ORDER BY 3, 1, 2;
SELECT a, b, grouping(b), sum(v) FROM gs GROUP BY CUBE (a, b) ORDER BY grouping(a), 3, 1, 2;
SELECT a, b, sum(v) FROM gs GROUP BY GROUPING SETS ((a, b), (a), (), ROLLUP (b)) ORDER BY 1, 2, 3;
SELECT a, count(*) FROM gs GROUP BY a, GROUPING SETS ((), (b)) ORDER BY 1, 2;
SELECT a, b, count(*) FROM gs GROUP BY DISTINCT ROLLUP (a, b), ROLLUP (a, b) ORDER BY 1, 2, 3;
SELECT grouping(a), max(v) FROM gs GROUP BY a HAVING grouping(a) = 0 ORDER BY 2;
SELECT a, grouping(a) AS g, row_number() OVER (PARTITION BY grouping(a) ORDER BY a) FROM gs GROUP BY ROLLUP (a) ORDER BY 2, 1;
SELECT (SELECT grouping(a)) AS g, sum(v) FROM gs GROUP BY ROLLUP (a) ORDER BY 1, 2;
SELECT a, sum(v), count(*) FROM gs WHERE false GROUP BY GROUPING SETS ((a), ());
SELECT sum(v), count(*) FROM gs WHERE false GROUP BY ();
SELECT grouping(v) FROM gs GROUP BY a;
SELECT a FROM gs WHERE grouping(a) = 0 GROUP BY a;
SELECT b FROM gs GROUP BY ROLLUP (a);
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY v), percentile_disc(0.3) WITHIN GROUP (ORDER BY v DESC),
  mode() WITHIN GROUP (ORDER BY b) FROM gs;
SELECT percentile_cont(ARRAY[0, 0.25, NULL, 1]) WITHIN GROUP (ORDER BY v), percentile_disc(ARRAY[0.1, 0.9]) WITHIN GROUP (ORDER BY b::text) FROM gs;
SELECT percentile_cont(0.25) WITHIN GROUP (ORDER BY v * interval '1 day') FROM gs;
SELECT a, percentile_disc(0.5) WITHIN GROUP (ORDER BY v) FILTER (WHERE b < 4) FROM gs GROUP BY ROLLUP (a) ORDER BY 1, 2;
SELECT rank(15) WITHIN GROUP (ORDER BY v), dense_rank(3) WITHIN GROUP (ORDER BY b), percent_rank(15) WITHIN GROUP (ORDER BY v),
  cume_dist(15) WITHIN GROUP (ORDER BY v DESC) FROM gs;
SELECT rank(3, 15) WITHIN GROUP (ORDER BY b, v DESC NULLS LAST) FROM gs;
SELECT rank(1) WITHIN GROUP (ORDER BY v), cume_dist(1) WITHIN GROUP (ORDER BY v), mode() WITHIN GROUP (ORDER BY v) FROM gs WHERE false;
SELECT rank(1) WITHIN GROUP (ORDER BY v, a) FROM gs;
SELECT rank('x') WITHIN GROUP (ORDER BY v) FROM gs;
SELECT percentile_cont(1.5) WITHIN GROUP (ORDER BY v) FROM gs;
SELECT percentile_cont(v) WITHIN GROUP (ORDER BY v) FROM gs;
SELECT percentile_cont(0.5) FROM gs;
SELECT sum(v) WITHIN GROUP (ORDER BY v) FROM gs;
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY v) OVER () FROM gs;
DROP TABLE gs;
-- Direct arguments are what the group has, and not what its rows have.
select grouping(a), a, rank(a) within group (order by b nulls last), rank(a + 1) within group (order by b nulls first) from (values (1,1),(1,4),(1,5),(3,1),(3,2)) v(a,b) group by rollup (a) order by a;
