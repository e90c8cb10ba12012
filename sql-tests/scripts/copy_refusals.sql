-- Where and when COPY refuses something.
\set VERBOSITY verbose
CREATE TABLE cr_x (a serial, b int, c text NOT NULL DEFAULT 'stuff', d text, e text);
COPY cr_x FROM stdin (FORMAT csv, FORMAT csv);
COPY cr_x FROM stdin (FREEZE off, FREEZE on);
COPY cr_x FROM stdin (DELIMITER ',', DELIMITER ',');
COPY cr_x FROM stdin (NULL 'x', NULL 'y');
COPY cr_x FROM stdin (HEADER, HEADER);
COPY cr_x TO stdout (FORMAT csv, FORCE_QUOTE *, FORCE_QUOTE *);
COPY cr_x TO stdout (FORMAT csv, FORCE_QUOTE 1);
COPY cr_x (a, b, a) FROM stdin;
COPY cr_x TO stdout (ENCODING 'nosuch');
COPY cr_x TO stdout (nosuch 1);
COPY cr_x TO stdout (FORMAT nosuch);
COPY cr_x TO stdout WHERE a > 1;
COPY cr_x FROM stdin WHERE a IN (SELECT 1);
COPY cr_x FROM stdin WHERE sum(a) > 1;
COPY cr_x FROM stdin WHERE a IN (generate_series(1, 5));
COPY cr_x FROM stdin WHERE a = row_number() OVER (b);
COPY cr_x TO '/nosuch/dir/file';
COPY cr_x FROM '/nosuch/file';
COPY cr_x FROM '/tmp';
CREATE VIEW cr_v AS SELECT ''::text AS str;
COPY cr_v FROM stdin;
these lines
are data
\.
CREATE TABLE cr_f (a text);
COPY cr_f FROM stdin (FREEZE);
these lines
are data
\.
COPY cr_x FROM stdin (FORMAT csv);
1,"y
\.
SELECT count(*) FROM cr_f, cr_x;
