-- XMLTABLE, and tables as XML.
create schema xts;
set search_path = xts;
create table xmldata(data xml);
insert into xmldata values('<ROWS>
<ROW id="1"><COUNTRY_ID>AU</COUNTRY_ID><COUNTRY_NAME>Australia</COUNTRY_NAME><REGION_ID>3</REGION_ID></ROW>
<ROW id="2"><COUNTRY_ID>CN</COUNTRY_ID><COUNTRY_NAME>China</COUNTRY_NAME><REGION_ID>3</REGION_ID><SIZE unit="km">791</SIZE></ROW>
<ROW id="3"><COUNTRY_ID>JP</COUNTRY_ID><COUNTRY_NAME>Japan</COUNTRY_NAME><PREMIER_NAME>Abe</PREMIER_NAME></ROW>
</ROWS>');
select x.* from xmldata, xmltable('/ROWS/ROW' passing data columns id int path '@id', _id for ordinality,
  country_name text path 'COUNTRY_NAME' not null, country_id text path 'COUNTRY_ID', region_id int path 'REGION_ID',
  size float path 'SIZE', unit text path 'SIZE/@unit', premier_name text path 'PREMIER_NAME' default 'not specified') x;
select x.* from xmldata, lateral xmltable('/ROWS/ROW[COUNTRY_NAME="Japan"]' passing by ref data by value columns "COUNTRY_NAME" text, raw xml path '.', part xml path './*') x;
select * from xmldata, xmltable('/ROWS/ROW' passing data columns id int path '@id', size float path 'SIZE' not null);
select * from xmltable('/r/x' passing null columns a int);
select * from xmltable('/r/x' passing '<r><x>1</x><x>2</x></r>' columns a int path '.', b text path 'nope' default 'd') as t(c, d) where c > 1;
select * from xmltable('/r/x' passing '<r><x>1</x><x>2</x></r>' columns a int path '.') as t(c, d);
select * from xmltable('/r/x' passing '<r><x>1<y/></x></r>' columns a varchar(3) path '.', v numeric(4,1) path 'count(y)', w bool path 'y', n int path 'true()', t text path 'true()', s xml path '"<&>"');
select * from xmltable('/r/x' passing '<r><x>abcd</x></r>' columns a varchar(3) path '.');
select * from xmltable('/r' passing '<r><x>1</x><x>2</x></r>' columns a int path 'x');
select * from xmltable('/r/x' passing '<r><x>q</x></r>' columns a int path '.');
select * from xmltable('' passing '<r><x>q</x></r>' columns a int path '.');
select * from xmltable('/r' passing '<r><x>q</x></r>' columns a int path '');
select * from xmltable(null passing '<r><x>q</x></r>' columns a int path '.');
select * from xmltable('/r' passing '<r><x>q</x></r>' columns a int path null);
select * from xmltable('/r' passing '<r>' columns a int);
select * from xmltable('/r' passing '<r/>' columns a int, a text);
select * from xmltable('/r' passing '<r/>' columns a for ordinality, b for ordinality);
select * from xmltable('/r' passing '<r/>' columns a int path 'x' path 'y');
select * from xmltable('/r' passing '<r/>' columns a int default 1 default 2);
select * from xmltable('/r' passing '<r/>' columns a int null not null);
select * from xmltable('/r' passing '<r/>' columns a int frob 1);
select * from xmltable('/r' passing 1 columns a int);
select * from xmltable(xmlnamespaces('http://x.y' as zz), '/zz:rows/zz:row' passing '<rows xmlns="http://x.y"><row><a>10</a></row></rows>' columns a int path 'zz:a');
select * from xmltable(xmlnamespaces(default 'http://x.y'), '/rows' passing '<rows/>' columns a int);
select * from xmltable(xmlnamespaces(null as q), '/rows' passing '<rows/>' columns a int);
create view xv as select x.a, x.n from xmldata, xmltable(xmlnamespaces('http://x.y' as zz), '/ROWS/ROW' passing data columns a int path '@id' default 3 not null, n for ordinality, "REGION_ID" numeric(3)) x where x.a > 1;
select * from xv;
drop view xv;
prepare pp as select count(*) from xmltable('/r/x' passing ($1::xml) columns a int path '.') where a > $2;
execute pp('<r><x>1</x><x>2</x></r>', 1);
deallocate pp;
select t.a, u.* from (values ('a', '<d><r><ac>1</ac></r></d>'::xml), ('b', '<d><r><bc>2</bc></r></d>')) t(a, x), xmltable('/d/r' passing x columns v int path '' || lower(t.a) || 'c' default ascii(t.a)) u;
select t.a, u.* from (values ('a', '<d><r><ac>1</ac></r></d>'::xml), ('b', '<d><r><bc>2</bc></r></d>')) t(a, x) left join xmltable('/d/r/ac' passing x columns v int path '.') u on true;
drop table xmldata;
create domain dd as varchar(7);
create type ee as enum ('a');
create table t1 (a int not null, b text, "c d" numeric(7,3), e date, g bytea, h bool, q dd, r int[], s xml, v ee);
insert into t1 values (1, 'a<b', 1.5, '2020-01-02', '\x01ff', true, 'dd', '{1,2}', '<x/>', 'a'), (2, null, null, null, null, null, null, null, null, null);
create table "we ird" (a int);
create view vv as select 1 as one;
select table_to_xml('t1', false, false, '');
select table_to_xml('t1', true, false, 'foo');
select table_to_xml('t1', true, true, 'foo');
select table_to_xmlschema('t1', true, false, '');
select table_to_xmlschema('t1', false, true, 'foo');
select table_to_xml_and_xmlschema('"we ird"', false, false, '');
select table_to_xml_and_xmlschema('"we ird"', false, true, 'xy');
select query_to_xml('select 1 as x, null as y', true, false, '');
select query_to_xml('select 1 as x, 2', true, true, '');
select query_to_xmlschema('select 1 as x, 2::numeric(3)', true, false, '');
select query_to_xml_and_xmlschema('select 1 as x', true, true, 'yy');
select query_to_xml('select 1; select 2', true, true, 'ff');
select query_to_xml('select xx', true, true, 'ff');
select query_to_xml('selct', true, true, 'ff');
select schema_to_xml('xts', false, false, '');
select schema_to_xml('xts', false, true, 'ff');
select schema_to_xmlschema('xts', true, false, '');
select schema_to_xml_and_xmlschema('xts', true, true, 'ff');
select schema_to_xml('nope', true, true, 'ff');
set client_min_messages = warning;
drop schema xts cascade;
reset client_min_messages;
