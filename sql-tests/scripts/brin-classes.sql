-- All operator classes of block range indexes, with all their operators.
CREATE TABLE bc (i int,
    byteacol bytea, charcol "char", namecol name, int8col bigint, int2col smallint, int4col integer, textcol text,
    varcharcol varchar, oidcol oid, tidcol tid, float4col real, float8col double precision, macaddrcol macaddr,
    macaddr8col macaddr8, inetcol inet, cidrcol cidr, bpcharcol char(3), datecol date, timecol time, timestampcol timestamp,
    timestamptzcol timestamptz, intervalcol interval, timetzcol timetz, bitcol bit(10), varbitcol bit varying(16),
    numericcol numeric, uuidcol uuid, lsncol pg_lsn, int4rangecol int4range, numrangecol numrange, daterangecol daterange,
    boxcol box);
INSERT INTO bc SELECT i,
    decode(lpad(to_hex(i * 7 % 5000), 8, '0'), 'hex'), chr(65 + i % 26)::"char", 'n' || i * 13 % 1000, i::int8 * 142857,
    i % 1000, i, md5(i::text), 'v' || i % 500, i, format('(%s,%s)', i, i % 20)::tid, (i % 40) / 8.0::float4, i / 16.0,
    format('%s:00:%s:00:%s:00', to_hex(i % 256), to_hex(i / 256), to_hex(i % 100))::macaddr,
    format('00:%s:00:ff:fe:%s:00:01', lpad(to_hex(i % 256), 2, '0'), lpad(to_hex(i / 256), 2, '0'))::macaddr8,
    inet '10.2.3.4/24' + i, cidr '10.2.3/24' + i, substr(md5(i::text), 1, i % 4), date '1995-08-15' + i,
    time '01:20:30' + i * interval '18.5 second', timestamp '1942-07-23 03:05:09' + i * interval '36.38 hours',
    timestamptz '1972-10-10 03:00+00' + i * interval '1 hour', i * interval '12 minutes',
    timetz '01:30:20+02' + i * interval '15 seconds', (i % 1000)::bit(10), i::bit(16)::varbit,
    i::numeric(36,30) * 5003 / 7, md5(i::text)::uuid, format('%s/%s', to_hex(i % 100), to_hex(i * 31))::pg_lsn,
    int4range(i, i + 10 + i % 50), numrange(i / 3.0, i / 2.0), daterange(date '2000-01-01' + i, date '2000-01-05' + i),
    box(point(i, i % 30), point(i + 3, i % 30 + 5))
FROM generate_series(1, 1000) i;
INSERT INTO bc (i, inetcol, cidrcol, int4rangecol, numrangecol, daterangecol)
    SELECT 1000 + i, inet 'fe80::6e40:8ff:fea9:8c46' + i, cidr 'fe80::6e40:8ff:fea9:8c46' + i, 'empty', 'empty', 'empty'
    FROM generate_series(1, 25) i;
CREATE TABLE bq (col text, typ text, value text);
INSERT INTO bq VALUES
    ('byteacol', 'bytea', '\x00000700'), ('charcol', '"char"', 'M'), ('namecol', 'name', 'n500'),
    ('int8col', 'int8', '14285700'), ('int8col', 'int4', '14285700'), ('int8col', 'int2', '142'),
    ('int2col', 'int2', '800'), ('int2col', 'int4', '800'), ('int2col', 'int8', '1428427143'), ('int2col', 'int8', '-70000'),
    ('int4col', 'int2', '77'), ('int4col', 'int4', '333'), ('int4col', 'int8', '333'), ('int4col', 'int8', '9999999999'),
    ('textcol', 'text', '7f39f8317fbdb1988ef4c628eba02591'), ('varcharcol', 'text', 'v77'), ('varcharcol', 'varchar', 'v77'),
    ('oidcol', 'oid', '800'), ('tidcol', 'tid', '(500,0)'), ('float4col', 'float4', '2.5'), ('float4col', 'float8', '2.5'),
    ('float8col', 'float4', '31.25'), ('float8col', 'float8', '31.25'), ('float8col', 'float8', 'NaN'),
    ('macaddrcol', 'macaddr', '2c:00:01:00:00:00'), ('macaddr8col', 'macaddr8', '00:2c:00:ff:fe:01:00:01'),
    ('inetcol', 'inet', '10.2.4.200/24'), ('inetcol', 'cidr', '10.2.4/24'), ('cidrcol', 'inet', '10.2.14.0/24'),
    ('cidrcol', 'cidr', '10.3/16'), ('bpcharcol', 'bpchar', 'a'), ('bpcharcol', 'char(2)', 'a1'),
    ('datecol', 'date', '1996-12-01'), ('datecol', 'timestamp', '1996-12-01 00:00:01'),
    ('datecol', 'timestamptz', '1996-12-01 05:00:00+00'), ('datecol', 'date', 'infinity'), ('timecol', 'time', '02:28:57'),
    ('timestampcol', 'date', '1944-03-24'), ('timestampcol', 'timestamp', '1944-03-24 19:26:45'),
    ('timestampcol', 'timestamptz', '1944-03-24 19:26:45+03'), ('timestampcol', 'timestamp', '-infinity'),
    ('timestamptzcol', 'timestamptz', '1972-10-19 09:00:00-07'), ('timestamptzcol', 'date', '1972-10-19'),
    ('timestamptzcol', 'timestamp', '1972-10-19 09:00:00'), ('intervalcol', 'interval', '3 days 04:24'),
    ('timetzcol', 'timetz', '01:35:50+02'), ('bitcol', 'bit(10)', '0011011110'), ('varbitcol', 'varbit(16)', '0000000001100110'),
    ('numericcol', 'numeric', '357357.14'), ('uuidcol', 'uuid', '7f39f831-7fbd-b198-8ef4-c628eba02591'),
    ('lsncol', 'pg_lsn', '44/1234');
SET timezone = 'America/New_York';
SET enable_seqscan = off;

-- minmax, some beside inclusion
CREATE INDEX bc_minmax ON bc USING brin (byteacol, charcol, namecol, int8col, int2col, int4col, textcol, varcharcol, oidcol,
    tidcol, float4col, float8col, macaddrcol, macaddr8col, inetcol inet_minmax_ops, cidrcol inet_minmax_ops, bpcharcol, datecol,
    timecol, timestampcol, timestamptzcol, intervalcol, timetzcol, bitcol, varbitcol, numericcol, uuidcol, lsncol)
    WITH (pages_per_range = 1);
ANALYZE bc;
SELECT format('SELECT %L AS cond, count(*), sum(i) FROM bc WHERE %I %s %L::%s',
    concat_ws(' ', col, op, value, typ), col, op, value, typ)
FROM bq, unnest(ARRAY['<', '<=', '=', '>=', '>']) op ORDER BY col, typ, value, op \gexec
SELECT format('SELECT %L AS cond, count(*) FROM bc WHERE %I %s', concat_ws(' ', col, op), col, op)
FROM (SELECT DISTINCT col FROM bq) q, unnest(ARRAY['IS NULL', 'IS NOT NULL']) op ORDER BY col, op \gexec
DROP INDEX bc_minmax;

-- inclusion
CREATE INDEX bc_inclusion ON bc USING brin (inetcol, cidrcol inet_inclusion_ops, int4rangecol, numrangecol, daterangecol, boxcol)
    WITH (pages_per_range = 1);
SELECT format('SELECT %L AS cond, count(*), sum(i) FROM bc WHERE %I %s %L::%s',
    concat_ws(' ', col, op, value, typ), col, op, value, typ)
FROM (VALUES ('inetcol', 'inet', '10.2.4.200/24'), ('inetcol', 'inet', '10/8'), ('inetcol', 'inet', '0/0'),
    ('inetcol', 'inet', 'fe80::6e40:8ff:fea9:8c47'), ('inetcol', 'inet', 'fe80::/32'), ('cidrcol', 'cidr', '10.2.14/24'),
    ('cidrcol', 'cidr', '10.2/16'), ('cidrcol', 'inet', 'fe80::6e40:8ff:fea9:8c50')) q (col, typ, value),
    unnest(ARRAY['&&', '=', '>>', '>>=', '<<', '<<=', '<', '>=']) op ORDER BY col, value, op \gexec
SELECT format('SELECT %L AS cond, count(*), sum(i) FROM bc WHERE %I %s %L::%s',
    concat_ws(' ', col, op, value, typ), col, op, value, typ)
FROM (VALUES ('int4rangecol', 'int4range', '[222,242)'), ('int4rangecol', 'int4range', '[1,2)'),
    ('int4rangecol', 'int4range', 'empty'), ('int4rangecol', 'int4range', '(,)'), ('int4rangecol', 'int4range', '[900,)'),
    ('int4rangecol', 'int4range', '[211,212)'), ('numrangecol', 'numrange', '[50,60.5]'), ('numrangecol', 'numrange', 'empty'),
    ('daterangecol', 'daterange', '[2001-01-01,2001-02-01)')) q (col, typ, value),
    unnest(ARRAY['<<', '&<', '&&', '&>', '>>', '@>', '<@', '-|-', '=', '<', '<=', '>', '>=']) op ORDER BY col, value, op \gexec
SELECT count(*), sum(i) FROM bc WHERE int4rangecol @> 500;
SELECT count(*), sum(i) FROM bc WHERE numrangecol @> 55.5;
SELECT count(*), sum(i) FROM bc WHERE 55.5 <@ numrangecol;
SELECT count(*), sum(i) FROM bc WHERE daterangecol @> date '2001-01-01';
SELECT format('SELECT %L AS cond, count(*), sum(i) FROM bc WHERE boxcol %s %L::box', concat_ws(' ', op, value), op, value)
FROM unnest(ARRAY['((100,0),(120,40))', '((500,10),(501,11))', '((0,0),(2000,2000))', '((203,25),(200,20))']) value,
    unnest(ARRAY['<<', '&<', '&&', '&>', '>>', '<<|', '&<|', '|&>', '|>>', '@>', '<@', '~=']) op ORDER BY value, op \gexec
SELECT count(*), sum(i) FROM bc WHERE boxcol @> point '(500,22)';
SELECT count(*), sum(i) FROM bc WHERE point '(500,22)' <@ boxcol;
SELECT count(*) FROM bc WHERE boxcol IS NULL;
SELECT count(*) FROM bc WHERE int4rangecol IS NOT NULL AND int4rangecol && '[5,9)';
DROP INDEX bc_inclusion;

-- bloom
CREATE INDEX bc_bloom ON bc USING brin (byteacol bytea_bloom_ops, charcol char_bloom_ops, namecol name_bloom_ops,
    int8col int8_bloom_ops, int2col int2_bloom_ops, int4col int4_bloom_ops, textcol text_bloom_ops, varcharcol text_bloom_ops,
    oidcol oid_bloom_ops, tidcol tid_bloom_ops, float4col float4_bloom_ops, float8col float8_bloom_ops,
    macaddrcol macaddr_bloom_ops, macaddr8col macaddr8_bloom_ops, inetcol inet_bloom_ops, cidrcol inet_bloom_ops,
    bpcharcol bpchar_bloom_ops, datecol date_bloom_ops, timecol time_bloom_ops, timestampcol timestamp_bloom_ops,
    timestamptzcol timestamptz_bloom_ops, intervalcol interval_bloom_ops, timetzcol timetz_bloom_ops,
    numericcol numeric_bloom_ops, uuidcol uuid_bloom_ops, lsncol pg_lsn_bloom_ops)
    WITH (pages_per_range = 1);
SELECT format('SELECT %L AS cond, count(*), sum(i) FROM bc WHERE %I = %L::%s',
    concat_ws(' ', col, value, typ), col, value, typ)
FROM bq ORDER BY col, typ, value \gexec
SELECT count(*), sum(i) FROM bc WHERE int4col = 77 AND textcol = md5('77');
SELECT count(*) FROM bc WHERE textcol IS NULL;
SELECT count(*) FROM bc WHERE textcol < '5';
UPDATE bc SET int8col = int8col * int4col;
UPDATE bc SET textcol = '' WHERE textcol IS NOT NULL AND i % 2 = 0;
SELECT count(*), sum(i) FROM bc WHERE int8col = 142857::int8 * 77 * 77;
SELECT count(*), sum(i) FROM bc WHERE textcol = '';
SELECT count(*), sum(i) FROM bc WHERE textcol = md5('77');
DROP INDEX bc_bloom;
CREATE INDEX bc_bloom2 ON bc USING brin (int4col int4_bloom_ops (n_distinct_per_range = 0, false_positive_rate = 0.25),
    textcol text_bloom_ops (n_distinct_per_range = 20000)) WITH (pages_per_range = 2);
SELECT count(*), sum(i) FROM bc WHERE int4col = 77;
SELECT count(*), sum(i) FROM bc WHERE textcol = md5('77');
DROP INDEX bc_bloom2;

-- minmax-multi
CREATE INDEX bc_multi ON bc USING brin (int8col int8_minmax_multi_ops, int2col int2_minmax_multi_ops,
    int4col int4_minmax_multi_ops, oidcol oid_minmax_multi_ops, tidcol tid_minmax_multi_ops, float4col float4_minmax_multi_ops,
    float8col float8_minmax_multi_ops, macaddrcol macaddr_minmax_multi_ops, macaddr8col macaddr8_minmax_multi_ops,
    inetcol inet_minmax_multi_ops, cidrcol inet_minmax_multi_ops, datecol date_minmax_multi_ops, timecol time_minmax_multi_ops,
    timestampcol timestamp_minmax_multi_ops, timestamptzcol timestamptz_minmax_multi_ops, intervalcol interval_minmax_multi_ops,
    timetzcol timetz_minmax_multi_ops, numericcol numeric_minmax_multi_ops (values_per_range = 8), uuidcol uuid_minmax_multi_ops,
    lsncol pg_lsn_minmax_multi_ops) WITH (pages_per_range = 1);
SELECT format('SELECT %L AS cond, count(*), sum(i) FROM bc WHERE %I %s %L::%s',
    concat_ws(' ', col, op, value, typ), col, op, value, typ)
FROM bq, unnest(ARRAY['<', '<=', '=', '>=', '>']) op
WHERE col NOT IN ('byteacol', 'charcol', 'namecol', 'textcol', 'varcharcol', 'bpcharcol', 'bitcol', 'varbitcol')
ORDER BY col, typ, value, op \gexec
UPDATE bc SET int4col = -int4col, float8col = 'NaN' WHERE i % 100 = 7;
SELECT count(*), sum(i) FROM bc WHERE int4col < 0;
SELECT count(*), sum(i) FROM bc WHERE int4col = -107;
SELECT count(*), sum(i) FROM bc WHERE float8col = 'NaN';
SELECT count(*), sum(i) FROM bc WHERE float8col > 60;
SELECT brin_desummarize_range('bc_multi', 0);
SELECT brin_summarize_new_values('bc_multi');
SELECT count(*), sum(i) FROM bc WHERE int4col = -7;
DROP TABLE bc, bq;

-- Types over others.
CREATE DOMAIN posint AS int CHECK (VALUE > 0);
CREATE TYPE floatspan AS RANGE (subtype = float8);
CREATE TABLE bd (a posint, r floatspan, u int4multirange);
CREATE INDEX ON bd USING brin (u);
CREATE INDEX bd_i ON bd USING brin (a, r) WITH (pages_per_range = 1);
INSERT INTO bd SELECT i, floatspan(i, i + 0.5) FROM generate_series(1, 2000) i;
SELECT brin_summarize_new_values('bd_i') > 0;
SELECT count(*) FROM bd WHERE a = 77;
SELECT count(*) FROM bd WHERE a < 10;
SELECT count(*) FROM bd WHERE r @> 1500.25::float8;
SELECT count(*) FROM bd WHERE r && floatspan(3, 5);
DROP TABLE bd;
DROP TYPE floatspan;
DROP DOMAIN posint;
