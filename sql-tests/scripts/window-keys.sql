-- Windows whose keys are not equal to themselves as values, or differ at every evaluation.
SELECT i, count(*) OVER (PARTITION BY 'NaN'::float8 ORDER BY i), sum(i) OVER (PARTITION BY 'NaN'::float8) FROM generate_series(1, 3) AS i;
SELECT count(*) FROM (SELECT row_number() OVER (PARTITION BY random() ORDER BY i) AS n FROM generate_series(1, 3) AS i) AS s WHERE n > 0;
SELECT 'NaN'::float8 AS x, count(*) FROM generate_series(1, 3) GROUP BY 'NaN'::float8;
SELECT '-0'::float8 AS x, '0'::float8 AS y, count(*) FROM generate_series(1, 3) GROUP BY '-0'::float8;
