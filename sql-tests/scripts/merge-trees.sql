-- MERGE into partitioned and inherited tables.
create table mt(a int primary key, b text) partition by range (a);
create table mt_low partition of mt for values from (0) to (10);
create table mt_high (b text, a int not null);
alter table mt attach partition mt_high for values from (10) to (20);
insert into mt select g, 'x' || g from generate_series(1, 15, 2) g;
merge into mt t using (values (1, 'one'), (13, 'thirteen'), (18, 'new'), (5, null)) s(a, b) on t.a = s.a
  when matched and s.b is null then delete
  when matched and t.a = 1 then update set b = s.b, a = 16
  when matched then update set b = s.b
  when not matched then insert values (s.a, s.b);
select tableoid::regclass, * from mt order by a;
merge into mt t using (values (2, 'q')) s(a, b) on t.a = s.a when not matched then insert values (40, 'z');
merge into mt t using (values (3), (3)) s(a) on t.a = s.a when matched then update set b = 'twice';
merge into mt_low t using (values (3)) s(a) on t.a = s.a when matched then update set a = 12;
create table mt_src(a int, b text);
insert into mt_src values (7, 'seven'), (8, 'eight');
merge into mt_low t using mt_src s on t.a = s.a
  when matched then update set b = t.b || s.b when not matched then insert (b, a) values (s.b, s.a);
select tableoid::regclass, * from mt order by a;
create table mt_par(a int primary key, b int);
create table mt_chi(c int) inherits (mt_par);
insert into mt_par values (1, 1);
insert into mt_chi values (2, 2, 2);
merge into mt_par using (values (1), (2), (3)) v(x) on a = x
  when matched then update set b = b + x when not matched then insert values (x, 0);
select tableoid::regclass, * from mt_par order by a;
merge into only mt_par using (values (1), (2)) v(x) on a = x when matched then delete;
select tableoid::regclass, * from mt_par order by a;
drop table mt, mt_src;
drop table mt_par cascade;
