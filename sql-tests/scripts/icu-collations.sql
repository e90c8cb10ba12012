-- Collations of the provider ICU. Versions differ between servers and are not shown.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA icu_tests;
SET search_path = icu_tests;

-- What there is.
SELECT count(*), count(DISTINCT collname), bool_and(collversion IS NOT NULL), bool_and(collisdeterministic)
  FROM pg_collation WHERE collprovider = 'i' AND collnamespace = 'pg_catalog'::regnamespace;
SELECT collname, collprovider, collisdeterministic, collencoding, collcollate, collctype, colliculocale,
       collversion = pg_collation_actual_version(oid) AS current, obj_description(oid, 'pg_collation')
  FROM pg_collation
 WHERE collname IN ('und-x-icu', 'de-x-icu', 'en-US-x-icu', 'zh-Hans-CN-x-icu', 'tr-x-icu', 'en-US-u-va-posix-x-icu')
 ORDER BY collname COLLATE "C";
SELECT pg_collation_actual_version('"C"'::regcollation) IS NULL;

-- Tables with columns of several.
CREATE TABLE sv (a int, b text COLLATE "sv-x-icu" NOT NULL);
CREATE TABLE bad (a int, b text COLLATE "ja_JP.eucjp-x-icu");
CREATE TABLE bad (a int, b text COLLATE "none-x-icu");
CREATE TABLE bad (a int COLLATE "sv-x-icu", b text);
CREATE TABLE sv2 (LIKE sv);
\d sv2
CREATE TABLE en (a int, b text COLLATE "en-x-icu");
CREATE TABLE def (a int, b text);
CREATE TABLE c (a int, b text COLLATE "C");
INSERT INTO sv VALUES (1, 'abc'), (2, 'äbc'), (3, 'bbc'), (4, 'ABC'), (5, 'zbc'), (6, 'öbc'), (7, 'åbc');
INSERT INTO en SELECT * FROM sv;
INSERT INTO c SELECT * FROM sv;
INSERT INTO def SELECT * FROM sv;
INSERT INTO sv2 SELECT * FROM sv;

-- Comparison and order.
SELECT * FROM sv WHERE b >= 'bbc' ORDER BY a;
SELECT * FROM en WHERE b >= 'bbc' ORDER BY a;
SELECT * FROM c WHERE b >= 'bbc' ORDER BY a;
SELECT * FROM sv WHERE b >= 'BBC' ORDER BY a;
SELECT * FROM sv WHERE b COLLATE "C" >= 'bbc' ORDER BY a;
SELECT * FROM en WHERE b >= 'bbc' COLLATE "sv-x-icu" ORDER BY a;
SELECT * FROM sv WHERE b COLLATE "sv-x-icu" >= 'bbc' COLLATE "sv-x-icu" ORDER BY a;
SELECT * FROM sv WHERE b COLLATE "sv-x-icu" >= 'bbc' COLLATE "en-x-icu";
SELECT a, b FROM sv ORDER BY b;
SELECT a, b FROM en ORDER BY b;
SELECT a, b FROM en ORDER BY b DESC;
SELECT a, b FROM c ORDER BY b;
SELECT a, b FROM def ORDER BY b COLLATE "sv-x-icu" DESC, a;
SELECT a, b FROM def ORDER BY b COLLATE "de-x-icu";
SELECT 'bbc' COLLATE "en-x-icu" > 'äbc' COLLATE "en-x-icu" AS t, 'bbc' COLLATE "sv-x-icu" > 'äbc' COLLATE "sv-x-icu" AS f;

-- Domains.
CREATE DOMAIN text_sv AS text COLLATE "sv-x-icu";
CREATE DOMAIN int_sv AS int COLLATE "sv-x-icu";
CREATE TABLE dom (a int, b text_sv);
INSERT INTO dom SELECT * FROM sv;
SELECT a, b FROM dom ORDER BY b;
SELECT a, b FROM dom WHERE b > 'z' ORDER BY a;
SELECT a, b::text FROM dom ORDER BY b::text;

-- Conditional expressions and functions keep a collation.
CREATE TABLE wide (a int, x text COLLATE "en-x-icu", y text COLLATE "tr-x-icu");
INSERT INTO wide VALUES (1, 'hij', 'hij'), (2, 'HIJ', 'HIJ'), (3, 'äI', 'ıi'), (4, 'Zz', 'Öo');
SELECT a, x, y, lower(x), lower(y), upper(x), upper(y), initcap(x), initcap(y) FROM wide ORDER BY a;
SELECT a, lower(x COLLATE "C"), lower(y COLLATE "C") FROM wide ORDER BY a;
SELECT a, x, y FROM wide ORDER BY lower(y), a;
SELECT a, coalesce(b, 'foo') FROM en ORDER BY 2;
SELECT a, b, greatest(b, 'CCC') FROM en ORDER BY 3, 1;
SELECT a, b, least(b, 'CCC') FROM c ORDER BY 3, 1;
SELECT a, x, y, lower(greatest(x, 'foo')), lower(greatest(y, 'foo')) FROM wide;
SELECT a, nullif(b, 'abc') FROM en ORDER BY 2, 1;
SELECT a, lower(nullif(x, 'foo')), lower(nullif(y, 'foo')) FROM wide ORDER BY a;
SELECT a, CASE b WHEN 'abc' THEN 'abcd' ELSE b END FROM sv ORDER BY 2, 1;
SELECT a, b::varchar, b || 'x' FROM sv ORDER BY b::varchar;
SELECT a, b FROM sv ORDER BY b || 'z';

-- Views.
CREATE VIEW v1 AS SELECT * FROM sv WHERE b COLLATE "en-x-icu" >= 'bbc';
CREATE VIEW v2 AS SELECT a, b FROM en ORDER BY b COLLATE "sv-x-icu";
CREATE VIEW v3 AS SELECT a, lower((x || x) COLLATE "tr-x-icu") AS l FROM wide;
SELECT table_name, view_definition FROM information_schema.views WHERE table_schema = 'icu_tests' ORDER BY 1;
SELECT * FROM v1 ORDER BY a;
SELECT * FROM v2;
SELECT * FROM v3 ORDER BY a;

-- Casing and patterns.
SELECT upper('straße' COLLATE "de-x-icu"), lower('ΟΔΟΣ ΑΣ' COLLATE "el-x-icu"), upper('άέ ή Μαΐου' COLLATE "el-x-icu");
SELECT upper('i ı' COLLATE "az-x-icu"), lower('I İ' COLLATE "az-x-icu"), lower('I İ' COLLATE "en-x-icu") = 'i i̇';
SELECT lower('Ì JI' COLLATE "lt-x-icu"), upper('ﬃ ŉ' COLLATE "und-x-icu");
SELECT initcap('don''t 3rd o-k x_y a.b ǆ ijsland ΟΔΟΣ' COLLATE "nl-x-icu"), initcap('istanbul ISPARTA' COLLATE "tr-x-icu");
SELECT a, b FROM sv WHERE b LIKE 'ab%' ORDER BY a;
SELECT a, b FROM sv WHERE b ILIKE 'ab%' ORDER BY a;
SELECT a, b FROM sv WHERE b ILIKE 'ÄB%' ORDER BY a;
SELECT 'Türkiye' COLLATE "en-x-icu" ILIKE '%KI%' AS t, 'Türkiye' COLLATE "tr-x-icu" ILIKE '%KI%' AS f;
SELECT 'bıt' ILIKE 'BIT' COLLATE "en-x-icu" AS f, 'bıt' ILIKE 'BIT' COLLATE "tr-x-icu" AS t;
SELECT a, b FROM sv WHERE b ~ '^abc' ORDER BY a;
SELECT a, b FROM sv WHERE b ~* '^ÄB' ORDER BY a;
SELECT 'Türkiye' COLLATE "en-x-icu" ~* 'KI' AS t, 'x' COLLATE "en-x-icu" ~ '\w';
SELECT regexp_replace('äÖ1' COLLATE "sv-x-icu", '[[:alpha:]]', 'x', 'g');
SELECT strpos(b, 'b'), replace(b, 'b', 'd'), split_part(b, 'b', 1) FROM sv ORDER BY b;

-- Aggregates, windows, DISTINCT, set operations.
SELECT min(b), max(b) FROM sv;
SELECT min(b), max(b) FROM en;
SELECT min(b COLLATE "sv-x-icu"), max(b COLLATE "sv-x-icu"), max(b) FROM c;
SELECT array_agg(b ORDER BY b), string_agg(b, ',' ORDER BY b DESC) FROM sv;
SELECT a, b, rank() OVER (ORDER BY b), lag(b) OVER (ORDER BY b) FROM sv ORDER BY 3;
SELECT max(b) OVER (ORDER BY a ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM sv ORDER BY a;
SELECT DISTINCT b FROM en ORDER BY b;
SELECT DISTINCT ON (b) b, a FROM en ORDER BY b, a;
SELECT b, count(*) FROM en GROUP BY b ORDER BY b;
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY b) FROM sv;
SELECT array_agg(b) FROM (SELECT b FROM sv ORDER BY b LIMIT 3) s;
SELECT a, b FROM en UNION ALL SELECT a, b FROM en ORDER BY 2, 1;
SELECT a, b FROM en UNION SELECT a, b FROM en ORDER BY 2;
SELECT a, b FROM en WHERE a < 4 INTERSECT SELECT a, b FROM en WHERE a > 1 ORDER BY 2;
SELECT a, b FROM en EXCEPT SELECT a, b FROM en WHERE a < 2 ORDER BY 2;
SELECT a, b FROM sv UNION ALL SELECT a, b FROM en ORDER BY 2;
SELECT a, b FROM sv UNION ALL SELECT a, b FROM en ORDER BY a, b COLLATE "C";
SELECT a, b FROM sv UNION SELECT a, b FROM en ORDER BY 2;
SELECT a, b COLLATE "C" FROM sv UNION SELECT a, b FROM en ORDER BY 2;
SELECT a, b FROM sv INTERSECT SELECT a, b FROM en ORDER BY 2;
SELECT a, b FROM sv EXCEPT SELECT a, b FROM en ORDER BY 2;
CREATE TABLE conflict AS SELECT a, b FROM sv UNION ALL SELECT a, b FROM en;
SELECT sv.b < en.b FROM sv, en LIMIT 1;
SELECT (sv.b || en.b) < 'x' FROM sv, en LIMIT 1;
SELECT sv.b || en.b FROM sv JOIN en USING (a) WHERE a = 1;
SELECT count(*) FROM sv JOIN en ON sv.b = en.b COLLATE "C";
SELECT sv.a, en.a FROM sv JOIN en ON sv.b = en.b;
WITH RECURSIVE foo(x) AS (SELECT x FROM (VALUES ('a' COLLATE "en-x-icu"), ('b')) t(x)
  UNION ALL SELECT (x || 'c') COLLATE "de-x-icu" FROM foo WHERE length(x) < 10) SELECT * FROM foo;

-- Casts, rows, arrays, ranges.
SELECT row('äbc' COLLATE "sv-x-icu") > row('bbc'), row('äbc' COLLATE "en-x-icu") > row('bbc');
SELECT ARRAY['äbc' COLLATE "sv-x-icu"] > ARRAY['zbc'], ARRAY['äbc' COLLATE "en-x-icu"] > ARRAY['zbc'];
SELECT 'äbc' COLLATE "en-x-icu" IN ('äbc', 'x'), 'ä' COLLATE "en-x-icu" = ANY (ARRAY['a', 'ä']);
SELECT 'ä' COLLATE "sv-x-icu" > ALL (ARRAY['a', 'z']), 'ä' COLLATE "en-x-icu" > ALL (ARRAY['a', 'z']);
CREATE TYPE textrange_sv AS RANGE (subtype = text, collation = "sv-x-icu");
CREATE TYPE textrange_en AS RANGE (subtype = text, collation = "en-x-icu");
SELECT textrange_sv('a', 'z') @> 'ä'::text, textrange_en('a', 'z') @> 'ä'::text, textrange_sv('z', 'ä');
SELECT textrange_en('z', 'ä');

-- Functions in SQL.
CREATE FUNCTION lt_sv(text, text) RETURNS boolean LANGUAGE sql AS $$ SELECT $1 < $2 COLLATE "sv-x-icu" $$;
CREATE FUNCTION lt_any(anyelement, anyelement) RETURNS boolean LANGUAGE sql AS $$ SELECT $1 < $2 $$;
SELECT lt_sv('z', 'ä'), lt_any('z'::text COLLATE "sv-x-icu", 'ä'), lt_any('z'::text COLLATE "en-x-icu", 'ä');
SELECT collation for ('a' COLLATE "sv-x-icu"), collation for ((SELECT b FROM sv LIMIT 1));

-- Indexes.
CREATE INDEX sv_idx1 ON sv (b);
CREATE INDEX sv_idx2 ON sv (b COLLATE "en-x-icu");
CREATE INDEX sv_idx3 ON sv ((b COLLATE "en-x-icu"));
CREATE INDEX sv_idx4 ON sv (((b || 'foo') COLLATE "en-x-icu"));
CREATE INDEX sv_idx5 ON sv (a COLLATE "en-x-icu");
CREATE INDEX sv_idx6 ON sv ((a COLLATE "en-x-icu"));
CREATE INDEX sv_idx7 ON sv (b text_pattern_ops);
CREATE INDEX sv_idx8 ON sv USING hash (b);
SELECT relname, pg_get_indexdef(oid) FROM pg_class WHERE relname LIKE 'sv_idx%' ORDER BY relname;
CREATE TABLE big (a int, b text COLLATE "sv-x-icu", d text);
INSERT INTO big SELECT i, chr(97 + i % 26) || (ARRAY['a', 'å', 'ä', 'ö', 'Z'])[1 + i % 5] || i % 7, 'x' FROM generate_series(1, 3000) i;
UPDATE big SET d = b;
CREATE INDEX big_b ON big (b);
CREATE INDEX big_d ON big (d);
CREATE INDEX big_d_sv ON big (d COLLATE "sv-x-icu");
ANALYZE big;
SELECT count(*) FROM big WHERE b > 'zä';
SELECT count(*) FROM big WHERE b > 'zä' COLLATE "C";
SELECT count(*) FROM big WHERE d > 'zä';
SELECT count(*) FROM big WHERE d > 'zä' COLLATE "sv-x-icu";
SELECT count(*) FROM big WHERE b = 'zä1';
SELECT count(*) FROM big WHERE b IN ('zä1', 'za1', 'zå3');
SELECT count(*) FROM big WHERE b LIKE 'zä%';
SELECT count(*) FROM big WHERE b BETWEEN 'yz' AND 'zb';
SELECT b FROM big ORDER BY b LIMIT 3;
SELECT b FROM big ORDER BY b DESC LIMIT 3;
SELECT b FROM big WHERE b < 'b' ORDER BY b DESC LIMIT 3;
SELECT d FROM big ORDER BY d COLLATE "sv-x-icu" DESC LIMIT 3;
SELECT d FROM big ORDER BY d DESC LIMIT 3;
SELECT min(b), max(b), min(d), max(d), min(d COLLATE "sv-x-icu"), max(d COLLATE "sv-x-icu") FROM big;
SELECT count(*) FROM big x JOIN big y ON x.b = y.d COLLATE "sv-x-icu" WHERE x.a < 20;
SELECT count(DISTINCT b), count(DISTINCT d) FROM big;
SELECT b, count(*) FROM big GROUP BY b ORDER BY b LIMIT 4;

-- Making and changing collations.
CREATE COLLATION x1 (provider = icu);
CREATE COLLATION x1 (provider = icu, locale = 'nonsense');
DROP COLLATION x1;
CREATE COLLATION x1 (provider = icu, locale = 'de-u-ks-level9');
CREATE COLLATION x1 (provider = icu, locale = '@colStrength=nope');
CREATE COLLATION x1 (provider = icu, locale = 'en-u-kn-maybe');
CREATE COLLATION x1 (provider = icu, locale = 'en-u-kr-latn-latn');
CREATE COLLATION x1 (provider = icu, locale = 'en-u-vt-0020');
CREATE COLLATION x1 (provider = icu, locale = 'toolonglanguagename');
CREATE COLLATION x1 (provider = icu, locale = 'en', deterministic = maybe);
CREATE COLLATION x1 (provider = sun, locale = 'en');
CREATE COLLATION x1 (provider = icu, locale = 'en', locale = 'de');
CREATE COLLATION x1 (provider = icu, locale = 'en', lc_collate = 'C');
CREATE COLLATION x1 (provider = libc, locale = 'C', deterministic = false);
CREATE COLLATION x1 (provider = icu, locale = 'en', foo = 1);
CREATE COLLATION test0 FROM "C";
CREATE COLLATION test0 FROM "C";
CREATE COLLATION IF NOT EXISTS test0 FROM "C";
CREATE COLLATION test1 (provider = icu, locale = 'de-u-co-phonebk');
CREATE COLLATION test1 (provider = icu, locale = 'de');
CREATE COLLATION IF NOT EXISTS test1 (provider = icu, locale = 'de');
CREATE COLLATION test2 FROM test1;
CREATE COLLATION test3 FROM "sv-x-icu";
CREATE COLLATION test4 FROM nothing;
CREATE COLLATION test5 FROM "default";
SELECT collname, collprovider, collisdeterministic, collencoding, collcollate, collctype, colliculocale,
       collversion IS NOT DISTINCT FROM pg_collation_actual_version(oid) AS current
  FROM pg_collation WHERE collname LIKE 'test%' ORDER BY 1;
ALTER COLLATION test1 RENAME TO test11;
ALTER COLLATION test0 RENAME TO test11;
ALTER COLLATION test1 RENAME TO test22;
ALTER COLLATION test11 RENAME TO test2;
CREATE SCHEMA icu_other;
ALTER COLLATION test11 SET SCHEMA icu_other;
COMMENT ON COLLATION test2 IS 'of phone books';
SELECT collname, nspname, obj_description(c.oid, 'pg_collation') FROM pg_collation c JOIN pg_namespace n ON n.oid = collnamespace
 WHERE collname LIKE 'test%' ORDER BY 1;
SET client_min_messages = notice;
ALTER COLLATION test2 REFRESH VERSION;
ALTER COLLATION "en-x-icu" REFRESH VERSION;
CREATE COLLATION IF NOT EXISTS test2 (provider = icu, locale = 'de');
SET client_min_messages = warning;
ALTER COLLATION nothing REFRESH VERSION;
CREATE TABLE dep (a text COLLATE test3);
DROP COLLATION test3;
DROP COLLATION test3 CASCADE;
\d dep
DROP COLLATION test0, test2, icu_other.test11;
DROP COLLATION nothing;
DROP COLLATION IF EXISTS nothing;
DROP SCHEMA icu_other;
SELECT pg_import_system_collations('pg_catalog');
CREATE COLLATION mix_ver (provider = icu, locale = 'en', version = '0.0');
SELECT collversion FROM pg_collation WHERE collname = 'mix_ver';
DROP COLLATION mix_ver;

-- Settings in a locale's name.
CREATE COLLATION phonebk (provider = icu, locale = 'de-u-co-phonebk');
CREATE COLLATION phonebk2 (provider = icu, locale = 'de@collation=phonebook');
CREATE COLLATION numeric_ (provider = icu, locale = 'en-u-kn-true');
CREATE COLLATION numeric_2 (provider = icu, locale = 'en@colNumeric=yes');
CREATE COLLATION upperfirst (provider = icu, locale = 'und-u-kf-upper');
CREATE COLLATION upperfirst2 (provider = icu, locale = '@colCaseFirst=upper');
CREATE COLLATION lowerfirst (provider = icu, locale = 'und-u-kf-lower');
CREATE COLLATION digitslast (provider = icu, locale = 'en-u-kr-latn-digit');
CREATE COLLATION greekfirst (provider = icu, locale = 'en-u-kr-grek-latn');
CREATE COLLATION special (provider = icu, locale = 'en-u-kf-upper-kr-grek-latn');
CREATE COLLATION backwards (provider = icu, locale = 'und-u-kb-true');
CREATE COLLATION shifted (provider = icu, locale = 'und-u-ka-shifted');
CREATE COLLATION shifted4 (provider = icu, locale = 'und-u-ka-shifted-ks-level4');
CREATE COLLATION trad (provider = icu, locale = 'es-u-co-trad');
SELECT 'Goldmann' < 'Götz' COLLATE "de-x-icu", 'Goldmann' > 'Götz' COLLATE phonebk, 'Goldmann' > 'Götz' COLLATE phonebk2;
SELECT 'A-21' > 'A-123' COLLATE "en-x-icu", 'A-21' < 'A-123' COLLATE numeric_, 'A-21' < 'A-123' COLLATE numeric_2;
SELECT 'aaa' < 'AAA' COLLATE "und-x-icu", 'aaa' > 'AAA' COLLATE upperfirst, 'aaa' > 'AAA' COLLATE upperfirst2,
       'aaa' < 'AAA' COLLATE lowerfirst;
SELECT string_agg(x, ' ' ORDER BY x COLLATE "en-x-icu"), string_agg(x, ' ' ORDER BY x COLLATE digitslast),
       string_agg(x, ' ' ORDER BY x COLLATE greekfirst), string_agg(x, ' ' ORDER BY x COLLATE special)
  FROM unnest(ARRAY['a', 'A', 'z', '1', '9x', 'α', 'Ω', 'я', 'ж', '_', '$', ' b', 'ب', '日', 'あ', 'א']) x;
SELECT string_agg(x, ' ' ORDER BY x COLLATE "fr-x-icu"), string_agg(x, ' ' ORDER BY x COLLATE "fr-CA-x-icu"),
       string_agg(x, ' ' ORDER BY x COLLATE backwards)
  FROM unnest(ARRAY['cote', 'côte', 'coté', 'côté']) x;
SELECT string_agg(x, ',' ORDER BY x COLLATE "und-x-icu"), string_agg(x, ',' ORDER BY x COLLATE shifted),
       string_agg(x, ',' ORDER BY x COLLATE shifted4)
  FROM unnest(ARRAY['de luge', 'de-luge', 'deluge', 'demark', 'de Luge', 'deLuge', 'deLuxe']) x;
SELECT string_agg(x, ' ' ORDER BY x COLLATE "es-x-icu"), string_agg(x, ' ' ORDER BY x COLLATE trad)
  FROM unnest(ARRAY['cz', 'ch', 'd', 'lz', 'll', 'm', 'ñ', 'n', 'o']) x;
SELECT l, string_agg(x, ' ' ORDER BY x COLLATE "da-x-icu"), string_agg(x, ' ' ORDER BY x COLLATE "et-x-icu"),
       string_agg(x, ' ' ORDER BY x COLLATE "cs-x-icu"), string_agg(x, ' ' ORDER BY x COLLATE "lt-x-icu"),
       string_agg(x, ' ' ORDER BY x COLLATE "ja-x-icu"), string_agg(x, ' ' ORDER BY x COLLATE "zh-x-icu"),
       string_agg(x, ' ' ORDER BY x COLLATE "hu-x-icu"), string_agg(x, ' ' ORDER BY x COLLATE "th-x-icu")
  FROM (VALUES (1, ARRAY['a', 'aa', 'å', 'z', 'Ø', 'ch', 'h', 'č', 'y', 'i', 'k', 's', 'š', 'cs', 'c', 'u', 'ü', 'w', 'v']),
               (2, ARRAY['あ', 'ア', 'い', '日', '本', '語', '中', '国', 'か', 'が', 'แก', 'กา'])) t(l, a), unnest(a) x
 GROUP BY l ORDER BY l;

-- Not deterministic.
CREATE COLLATION ctest_det (provider = icu, locale = '', deterministic = true);
CREATE COLLATION ctest_nondet (provider = icu, locale = '', deterministic = false);
CREATE TABLE test6 (a int, b text);
INSERT INTO test6 VALUES (1, U&'\00E4bc'), (2, U&'\0061\0308bc');
SELECT * FROM test6 ORDER BY a;
SELECT a FROM test6 WHERE b = 'äbc' COLLATE ctest_det ORDER BY a;
SELECT a FROM test6 WHERE b = 'äbc' COLLATE ctest_nondet ORDER BY a;
CREATE COLLATION case_sensitive (provider = icu, locale = '');
CREATE COLLATION case_insensitive (provider = icu, locale = '@colStrength=secondary', deterministic = false);
CREATE COLLATION ignore_accents (provider = icu, locale = '@colStrength=primary;colCaseLevel=yes', deterministic = false);
CREATE COLLATION ignore_all (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
SELECT 'abc' <= 'ABC' COLLATE case_sensitive, 'abc' >= 'ABC' COLLATE case_sensitive;
SELECT 'abc' <= 'ABC' COLLATE case_insensitive, 'abc' >= 'ABC' COLLATE case_insensitive;
SELECT 'été' = 'ete' COLLATE ignore_accents, 'Été' = 'ete' COLLATE ignore_accents, 'Été' = 'ete' COLLATE ignore_all;
SELECT 'abc' = 'ABC' COLLATE case_insensitive, 'abc' <> 'ABC' COLLATE case_insensitive, 'ab' < 'ABC' COLLATE case_insensitive;
CREATE TABLE test1cs (x text COLLATE case_sensitive);
CREATE TABLE test2cs (x text COLLATE case_sensitive);
CREATE TABLE test3cs (x text COLLATE case_sensitive);
INSERT INTO test1cs VALUES ('abc'), ('def'), ('ghi');
INSERT INTO test2cs VALUES ('ABC'), ('ghi');
INSERT INTO test3cs VALUES ('abc'), ('ABC'), ('def'), ('ghi');
SELECT x FROM test3cs WHERE x = 'abc';
SELECT x FROM test3cs WHERE x <> 'abc' ORDER BY x;
SELECT x FROM test3cs WHERE x LIKE 'a%';
SELECT x FROM test3cs WHERE x ILIKE 'a%' ORDER BY x;
SELECT x FROM test3cs WHERE x SIMILAR TO 'a%';
SELECT x FROM test3cs WHERE x ~ 'a';
SELECT x FROM test1cs UNION SELECT x FROM test2cs ORDER BY x;
SELECT x FROM test2cs UNION SELECT x FROM test1cs ORDER BY x;
SELECT x FROM test1cs INTERSECT SELECT x FROM test2cs;
SELECT x FROM test1cs EXCEPT SELECT x FROM test2cs ORDER BY x;
SELECT DISTINCT x FROM test3cs ORDER BY x;
SELECT count(DISTINCT x) FROM test3cs;
SELECT x, count(*) FROM test3cs GROUP BY x ORDER BY x;
SELECT x, row_number() OVER (ORDER BY x), rank() OVER (ORDER BY x) FROM test3cs ORDER BY x;
CREATE UNIQUE INDEX ON test1cs (x);
INSERT INTO test1cs VALUES ('ABC');
CREATE UNIQUE INDEX ON test3cs (x);
SELECT string_to_array('ABC,DEF,GHI' COLLATE case_sensitive, ',', 'abc');
SELECT string_to_array('ABCDEFGHI' COLLATE case_sensitive, NULL, 'b');

CREATE TABLE test1ci (x text COLLATE case_insensitive);
CREATE TABLE test2ci (x text COLLATE case_insensitive);
CREATE TABLE test3ci (x text COLLATE case_insensitive);
CREATE INDEX ON test3ci (x text_pattern_ops);
CREATE INDEX ON test3ci USING hash (x text_pattern_ops);
INSERT INTO test1ci VALUES ('abc'), ('def'), ('ghi');
INSERT INTO test2ci VALUES ('ABC'), ('ghi');
INSERT INTO test3ci VALUES ('abc'), ('ABC'), ('def'), ('ghi');
SELECT x FROM test3ci WHERE x = 'abc' ORDER BY x COLLATE "C";
SELECT x FROM test3ci WHERE x <> 'abc' ORDER BY x;
SELECT x FROM test3ci WHERE x LIKE 'a%';
SELECT x FROM test3ci WHERE x NOT LIKE 'a%';
SELECT x FROM test3ci WHERE x ILIKE 'a%';
SELECT x FROM test3ci WHERE x SIMILAR TO 'a%';
SELECT x FROM test3ci WHERE x ~ 'a';
SELECT x FROM test3ci WHERE x ~* 'a';
SELECT lower(x) FROM test1ci UNION SELECT lower(x) FROM test2ci ORDER BY 1;
SELECT upper(x) FROM test2ci UNION SELECT upper(x) FROM test1ci ORDER BY 1;
SELECT count(*) FROM (SELECT x FROM test1ci UNION SELECT x FROM test2ci) s;
SELECT lower(x) FROM (SELECT x FROM test1ci INTERSECT SELECT x FROM test2ci) s ORDER BY 1;
SELECT x FROM test1ci EXCEPT SELECT x FROM test2ci;
SELECT upper(x) FROM (SELECT DISTINCT x FROM test3ci) s ORDER BY 1;
SELECT count(DISTINCT x) FROM test3ci;
SELECT upper(x), count(*) FROM test3ci GROUP BY x ORDER BY x;
SELECT upper(x), row_number() OVER (ORDER BY x), rank() OVER (ORDER BY x) FROM test3ci ORDER BY x;
SELECT upper(x), count(*) OVER (PARTITION BY x) FROM test3ci ORDER BY 1;
CREATE UNIQUE INDEX ON test1ci (x);
INSERT INTO test1ci VALUES ('ABC');
INSERT INTO test1ci VALUES ('ABC') ON CONFLICT DO NOTHING;
INSERT INTO test1ci VALUES ('ABC') ON CONFLICT (x) DO UPDATE SET x = excluded.x;
SELECT x FROM test1ci ORDER BY x;
CREATE UNIQUE INDEX ON test3ci (x);
SELECT test1ci.x, test2ci.x FROM test1ci JOIN test2ci ON test1ci.x = test2ci.x ORDER BY 1;
SELECT test1ci.x, test2ci.x FROM test1ci LEFT JOIN test2ci USING (x) ORDER BY 1;
SELECT x FROM test1ci WHERE x IN (SELECT x FROM test2ci) ORDER BY 1;
SELECT x FROM test1ci WHERE x NOT IN (SELECT x FROM test2ci) ORDER BY 1;
SELECT x FROM test1ci WHERE EXISTS (SELECT FROM test2ci WHERE test2ci.x = test1ci.x) ORDER BY 1;
SELECT x FROM test1ci WHERE x IN ('ABC', 'DEF', 'q') ORDER BY 1;
SELECT x FROM test1ci WHERE x IN ('ABC', 'DEF', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y') ORDER BY 1;
SELECT x FROM test1ci WHERE x = ANY (ARRAY['Ghi', 'Q']);
SELECT x IS DISTINCT FROM 'Abc', nullif(x, 'ABC'), CASE x WHEN 'Def' THEN 1 ELSE 0 END FROM test1ci ORDER BY x;
SELECT ARRAY['abc' COLLATE case_insensitive] = ARRAY['ABC'], ARRAY['abc' COLLATE case_insensitive, 'd'] @> ARRAY['D'],
       ARRAY['abc' COLLATE case_insensitive] && ARRAY['ABC', 'x'], array_position(ARRAY['a', 'B'] COLLATE case_insensitive, 'b'),
       array_remove(ARRAY['a', 'B'] COLLATE case_insensitive, 'b'), array_replace(ARRAY['a', 'B'] COLLATE case_insensitive, 'b', 'c');
SELECT row('abc' COLLATE case_insensitive, 1) = row('ABC', 1), row('abc' COLLATE case_insensitive, 1) < row('ABC', 2);
SELECT string_to_array('ABC,DEF,GHI' COLLATE case_insensitive, ',', 'abc');
SELECT strpos('ABC' COLLATE case_insensitive, 'b');
SELECT replace('ABC' COLLATE case_insensitive, 'b', 'c');
SELECT split_part('ABC' COLLATE case_insensitive, 'b', 1);
SELECT starts_with('ABC' COLLATE case_insensitive, 'b');
SELECT regexp_replace('ABC' COLLATE case_insensitive, 'b', 'c');
SELECT * FROM regexp_matches('ABC' COLLATE case_insensitive, 'b');
SELECT * FROM string_to_table('ABC' COLLATE case_insensitive, 'b');
SELECT hashtext('abc' COLLATE case_insensitive) = hashtext('ABC' COLLATE case_insensitive),
       hashtextextended('abc' COLLATE case_insensitive, 1) = hashtextextended('ABC' COLLATE case_insensitive, 1);
SELECT min(x COLLATE "C"), max(x COLLATE "C"), min(upper(x)), max(upper(x)) FROM test3ci;
SELECT upper(mode() WITHIN GROUP (ORDER BY x)) FROM test3ci;

-- bpchar
CREATE TABLE test1bpci (x char(3) COLLATE case_insensitive);
CREATE TABLE test2bpci (x char(3) COLLATE case_insensitive);
INSERT INTO test1bpci VALUES ('abc'), ('def'), ('gh');
INSERT INTO test2bpci VALUES ('ABC'), ('GH ');
SELECT x FROM test1bpci WHERE x = 'ABC';
SELECT x FROM test1bpci WHERE x LIKE 'a%';
SELECT x FROM test1bpci WHERE x ~ 'a';
SELECT lower(x) FROM test1bpci INTERSECT SELECT lower(x) FROM test2bpci ORDER BY 1;
SELECT upper(x) FROM (SELECT x FROM test1bpci INTERSECT SELECT x FROM test2bpci) s ORDER BY 1;
SELECT test1bpci.x FROM test1bpci JOIN test2bpci USING (x) ORDER BY 1;
SELECT hashbpchar('abc'::char(4) COLLATE case_insensitive) = hashbpchar('ABC'::char(5) COLLATE case_insensitive);
CREATE UNIQUE INDEX ON test1bpci (x);
INSERT INTO test1bpci VALUES ('ABC');

-- Accents.
CREATE TABLE test4c (x text COLLATE "C");
INSERT INTO test4c VALUES ('cote'), ('côte'), ('coté'), ('côté');
SELECT x FROM test4c WHERE x = 'cote' COLLATE ignore_accents ORDER BY x;
SELECT x FROM test4c WHERE x = 'Cote' COLLATE ignore_accents ORDER BY x;
SELECT x FROM test4c WHERE x = 'Cote' COLLATE case_insensitive ORDER BY x;
CREATE TABLE test4 (x text COLLATE ignore_accents PRIMARY KEY);
INSERT INTO test4 VALUES ('cote'), ('Cote');
INSERT INTO test4 VALUES ('côte');

-- Foreign keys.
CREATE TABLE test10pk (x text COLLATE case_sensitive PRIMARY KEY);
CREATE TABLE test10fk (x text COLLATE case_insensitive REFERENCES test10pk (x) ON UPDATE CASCADE ON DELETE CASCADE);
INSERT INTO test10pk VALUES ('abc'), ('def'), ('ghi');
INSERT INTO test10fk VALUES ('abc');
INSERT INTO test10fk VALUES ('ABC');
INSERT INTO test10fk VALUES ('xyz');
SELECT * FROM test10fk ORDER BY x;
DROP TABLE test10fk, test10pk;
CREATE TABLE test11pk (x text COLLATE case_insensitive PRIMARY KEY);
CREATE TABLE test11fk (x text COLLATE case_sensitive REFERENCES test11pk (x) ON UPDATE CASCADE ON DELETE CASCADE);
INSERT INTO test11pk VALUES ('abc'), ('def'), ('ghi');
INSERT INTO test11fk VALUES ('abc'), ('ABC'), ('Def');
INSERT INTO test11fk VALUES ('xyz');
SELECT * FROM test11fk ORDER BY x;
UPDATE test11pk SET x = 'jkl' WHERE x = 'ABC';
SELECT * FROM test11fk ORDER BY x;
DELETE FROM test11pk WHERE x = 'DEF';
SELECT * FROM test11fk ORDER BY x;
DROP TABLE test11fk, test11pk;
CREATE TABLE test12pk (x text COLLATE case_insensitive PRIMARY KEY);
CREATE TABLE test12fk (a int, b text COLLATE case_insensitive REFERENCES test12pk (x) ON UPDATE NO ACTION);
INSERT INTO test12pk VALUES ('abc');
INSERT INTO test12fk VALUES (1, 'abc'), (2, 'ABC');
UPDATE test12pk SET x = 'ABC' WHERE x = 'abc';
UPDATE test12pk SET x = 'xyz' WHERE x = 'abc';
SELECT * FROM test12pk;
SELECT * FROM test12fk ORDER BY a;
DROP TABLE test12fk, test12pk;

-- Partitions.
CREATE TABLE test20 (a int, b text COLLATE case_insensitive) PARTITION BY LIST (b);
CREATE TABLE test20_1 PARTITION OF test20 FOR VALUES IN ('abc');
CREATE TABLE test20_2 PARTITION OF test20 FOR VALUES IN ('ABC');
INSERT INTO test20 VALUES (1, 'abc'), (2, 'ABC');
SELECT * FROM test20_1 ORDER BY a;
SELECT * FROM test20 WHERE b = 'Abc' ORDER BY a;
INSERT INTO test20 VALUES (3, 'def');
SELECT pg_get_partkeydef('test20'::regclass), pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = 'test20_1';
CREATE TABLE test21 (a int, b text) PARTITION BY RANGE (b COLLATE "sv-x-icu");
CREATE TABLE test21_1 PARTITION OF test21 FOR VALUES FROM ('a') TO ('z');
CREATE TABLE test21_2 PARTITION OF test21 FOR VALUES FROM ('z') TO ('ä');
CREATE TABLE test21_3 PARTITION OF test21 FOR VALUES FROM ('ö') TO ('å');
CREATE TABLE test21_3 PARTITION OF test21 FOR VALUES FROM ('ä') TO ('ö');
INSERT INTO test21 VALUES (1, 'a'), (2, 'ä'), (3, 'å'), (4, 'Z'), (5, 'y');
SELECT tableoid::regclass, * FROM test21 ORDER BY a;
SELECT * FROM test21 WHERE b > 'z' ORDER BY a;
SELECT * FROM test21 WHERE b > 'z' COLLATE "sv-x-icu" ORDER BY a;
SELECT * FROM test21 WHERE b = 'ä' ORDER BY a;
SELECT pg_get_partkeydef('test21'::regclass);
\d test21
CREATE TABLE test22 (a int, b text COLLATE case_insensitive) PARTITION BY HASH (b);
CREATE TABLE test22_0 PARTITION OF test22 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE test22_1 PARTITION OF test22 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO test22 VALUES (1, 'def'), (2, 'DEF'), (3, 'q'), (4, 'Q');
SELECT count(DISTINCT tableoid) FROM test22 WHERE b = 'Def';
SELECT count(*) FROM test22 WHERE b = 'Q';
CREATE TABLE test30 (a int, b char(3) COLLATE case_insensitive) PARTITION BY LIST (b);
CREATE TABLE test30_1 PARTITION OF test30 FOR VALUES IN ('abc');
INSERT INTO test30 VALUES (1, 'abc'), (2, 'ABC');
SELECT * FROM test30 ORDER BY a;

-- ALTER TABLE.
ALTER TABLE def ALTER COLUMN b TYPE text COLLATE "sv-x-icu";
CREATE INDEX def_b ON def (b);
SELECT b FROM def ORDER BY b;
ALTER TABLE def ALTER COLUMN b TYPE text COLLATE "en-x-icu";
SELECT b FROM def ORDER BY b;
\d def
ALTER TABLE def ADD COLUMN d varchar(5) COLLATE case_insensitive DEFAULT 'Abc' UNIQUE;
SELECT attname, collname FROM pg_attribute a JOIN pg_collation c ON c.oid = attcollation WHERE attrelid = 'def'::regclass ORDER BY 1;

-- Prepared statements.
PREPARE p(text) AS SELECT x FROM test3ci WHERE x = $1 ORDER BY x COLLATE "C";
EXECUTE p('aBC');
EXECUTE p('x');

RESET search_path;
SET client_min_messages = error;
DROP SCHEMA icu_tests CASCADE;
