-- ALTER TYPE … CASCADE: typed tables follow their type.
create type kty as (a int, b text);
create table kt of kty (primary key (a));
insert into kt values (1, 'x');
alter type kty add attribute c int;
alter type kty add attribute c int cascade;
select * from kt;
alter type kty alter attribute b type varchar(10) cascade;
alter type kty drop attribute c cascade;
alter type kty rename attribute b to bb;
alter type kty rename attribute b to bb cascade;
\d kt
\d kty
alter type kty drop attribute a cascade;
\d kt
drop table kt; drop type kty;
