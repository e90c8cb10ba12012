-- Types that calls and expressions get: polymorphic calls of literals alone, NULLIF, pg_typeof.
SELECT array_append('{}', '1');
SELECT array_length('{1}', 1);
SELECT to_json('a');
SELECT lag('a') OVER ();
SELECT mode() WITHIN GROUP (ORDER BY 'a');
SELECT enum_first(NULL);
SELECT percentile_disc(ARRAY[0.1, 0.9]) WITHIN GROUP (ORDER BY '{1}'::int[]);
SELECT '{1}' || '{2}', '[1,2]' && '[2,3]';
SELECT json_build_array('a', 'b'), concat('a', 'b'), array_agg('a'), coalesce('a', 'b');
CREATE FUNCTION found_types_any(anyelement) RETURNS anyelement LANGUAGE sql AS 'select $1';
CREATE FUNCTION found_types_list(VARIADIC anyarray) RETURNS anyelement LANGUAGE sql AS 'select $1[1]';
CREATE FUNCTION found_types_common(VARIADIC anycompatiblearray) RETURNS anycompatible LANGUAGE sql AS 'select $1[1]';
SELECT found_types_any('a');
SELECT found_types_any('a'::text);
SELECT found_types_list('a', 'b');
SELECT found_types_list(1, 2.5);
SELECT found_types_common('a', 'b'), pg_typeof(found_types_common(1, 2.5));
DROP FUNCTION found_types_any, found_types_list, found_types_common;
SELECT pg_typeof(nullif('a'::varchar, 'b'::varchar)), pg_typeof(nullif(1, 2.5)), pg_typeof(nullif('10.0.0.0/8'::cidr, '::/0'::cidr)),
       nullif('10.0.0.0/8'::cidr, '::/0'::cidr), nullif(1, 1.0), pg_typeof(nullif('a'::char(3), 'b'));
SELECT pg_typeof('x'), pg_typeof(NULL), pg_typeof('a'::bpchar), 'bpchar'::regtype, 'bit'::regtype, 'bpcharlen'::regproc::regprocedure;
SELECT format_type('bpchar'::regtype, NULL), format_type('bpchar'::regtype, -1), format_type('bit'::regtype, -1);
SELECT 'a'::char(3) + 1;
CREATE TABLE found_types (t bpchar, c char(3), b bit varying, CHECK (t <> 'x'::bpchar));
\d found_types
DROP TABLE found_types;
-- Constants are judged in order, and not behind one that decides.
SELECT CASE WHEN (1, 'a') < (2, 'a') THEN 4 ELSE 1 / 0 END;
SELECT coalesce(nullif(timestamp '2000-01-01', timestamp '2000-01-01' + NULL::interval)::text, (1 / 0)::text);
SELECT x OR true OR 1 / 0 > 0 FROM (VALUES (true), (NULL)) v(x);
-- An aggregate's arguments are computed for the rows that pass its FILTER alone.
CREATE TABLE found_filter (g int, n int);
INSERT INTO found_filter SELECT i % 3, i % 4 FROM generate_series(0, 20) i;
SELECT sum(1 / n) FILTER (WHERE n > 0) FROM found_filter;
SELECT g, sum(1 / n) FILTER (WHERE n > 0), array_agg(10 / n ORDER BY n) FILTER (WHERE n <> 0), count(DISTINCT 6 / n) FILTER (WHERE n > 0)
  FROM found_filter GROUP BY g ORDER BY g;
SELECT g, sum(1 / n) FILTER (WHERE n > 0) OVER (PARTITION BY g ORDER BY n) FROM found_filter ORDER BY 1, 2;
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY 1 / n) FILTER (WHERE n > 0) FROM found_filter;
SELECT string_agg((1 / n)::text, ',' ORDER BY 1 / n) FILTER (WHERE n > 1) FROM found_filter;
DROP TABLE found_filter;
-- The preference of {m,m} is its own, that of {m} its atom's.
SELECT substring('abc' SIMILAR '%#"[a-z]+#"%' ESCAPE '#'), substring('abcdefg' SIMILAR 'a*#"%#"g*' ESCAPE '#');
SELECT regexp_match('llmmmfff', '^(l*){1,1}?(.*)(f*)$'), regexp_match('llmmmfff', '^(l*?){1,1}(.*)(f*)$'),
       regexp_match('llmmmfff', '^(l*?){1}(.*)(f*)$'), regexp_match('llmmmfff', '^(l*){1,1}?(.*){1,1}?(f*)$');
SELECT jsonb_hash('{"a": [1, null, true, false, "x"]}'), jsonb_hash_extended('{"a": [1, null, true, false, "x"]}', 7), jsonb_hash('1'), jsonb_hash_extended('[]', 3), jsonb_hash_extended('"abc"', -5);
SELECT round(0.9999999999 ^ 23300000000000, 3);
SELECT collation for ('foo'), collation for ('foo'::text), collation for ('foo'::text COLLATE "C");
