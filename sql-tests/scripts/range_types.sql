-- Ranges and multiranges.
SELECT '[1,5]'::int4range, '(1,5]'::int4range, 'empty'::int4range, '[ 2.5 , 7 )'::numrange, '(,3)'::int8range;
SELECT '[5,1]'::int4range;
SELECT '[1,5'::int4range;
SELECT '1,5]'::int4range;
SELECT '[1,2,3]'::int4range;
SELECT int4range(1, 5), int4range(1, 5, '[]'), numrange(NULL, 2.5, '(]'), daterange('2020-01-01', '2020-01-03', '[]');
SELECT int4range(1, 5, 'x');
SELECT int4range(5, 1);
SELECT lower(r), upper(r), lower_inc(r), upper_inc(r), lower_inf(r), upper_inf(r), isempty(r)
FROM (VALUES ('[1,5)'::int4range), ('(,3]'), ('empty'), ('[4,)')) v(r);
SELECT a && b AS o, a @> b AS c, a << b AS l, a -|- b AS adj, a &< b AS ol, a < b AS lt
FROM (VALUES ('[1,5)'::int4range, '[5,9)'::int4range), ('[1,9)', '[2,3)'), ('empty', '[1,2)')) v(a, b);
SELECT int4range(1, 5) + int4range(5, 9), int4range(1, 5) * int4range(3, 9), int4range(1, 9) - int4range(5, 12);
SELECT int4range(1, 5) + int4range(6, 9);
SELECT int4range(1, 9) - int4range(3, 4);
SELECT 3 <@ int4range(1, 5), int4range(1, 5) @> 7, range_merge(int4range(1, 2), int4range(8, 9));
SELECT '{[1,3),[5,7),[2,4)}'::int4multirange, '{}'::nummultirange, int4multirange(int4range(1, 3), int4range(3, 5));
SELECT '{[1,3), x}'::int4multirange;
SELECT m + '{[3,5)}', m * '{[2,6)}', m - '{[2,3)}', m @> 6, range_merge(m)
FROM (VALUES ('{[1,3),[5,7)}'::int4multirange)) v(m);
SELECT unnest('{[1,3),[5,7)}'::int4multirange);
CREATE TABLE rt (id int, r int4range, m int4multirange);
INSERT INTO rt VALUES (1, '[1,5)', '{[1,2)}'), (2, '[3,9]', '{[4,8),[9,10)}'), (3, 'empty', NULL), (4, '[1,5)', '{}');
SELECT * FROM rt ORDER BY r, id;
SELECT r, count(*) FROM rt GROUP BY r ORDER BY r;
SELECT range_agg(r), range_intersect_agg(r) FROM rt WHERE NOT isempty(r);
CREATE INDEX rt_r ON rt (r);
SELECT id FROM rt WHERE r = '[1,5)' ORDER BY id;
DROP TABLE rt;
CREATE TYPE floatrange AS RANGE (subtype = float8, subtype_diff = float8mi);
SELECT floatrange(1.5, 2.5), '[1,2]'::floatrange * '[1.5,9]'::floatrange, floatmultirange(floatrange(1, 2), floatrange(2, 3));
SELECT lower(floatrange(1.5, 2.5)), floatrange(1, 2) @> 1.5::float8;
SELECT typname, typtype FROM pg_type WHERE typname LIKE '%float%range' ORDER BY 1;
CREATE TYPE floatrange AS RANGE (subtype = int4);
CREATE TYPE r2 AS RANGE (collation = "C");
CREATE TYPE r2 AS RANGE (subtype = int4, collation = "C");
DROP TYPE floatmultirange;
DROP TYPE floatrange;
