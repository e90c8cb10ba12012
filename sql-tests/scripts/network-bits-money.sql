-- bit strings, hardware and network addresses, places in the log, money.
select b'1011', x'1F', b'101'::bit(5), b'10111'::bit(3), '0110'::varbit(3), 5::bit(8), (-3)::bit(12), b'1010'::int;
select '101'::bit(4);
create table bit_values (a bit(4), b varbit(6));
insert into bit_values values (b'1010', '101'), (b'0101', b'101010'), (x'F', '');
select a, b, a & b'1100', a | b'0011', a # b'1111', ~a, a << 1, a >> 2, a || b, length(b), octet_length(b) from bit_values order by a;
select a & b from bit_values;
select substring(b'110010' from 2 for 3), position(b'01' in b'1101'), overlay(b'0000' placing b'11' from 2), get_bit(b'100', 0),
  set_bit(b'100', 2, 1), bit_count(b'1011');
select b'2';
drop table bit_values;
select '08:00:2b:01:02:03'::macaddr, '08002b:010203'::macaddr, '0800.2b01.0203'::macaddr, '08002b010203'::macaddr8,
  trunc('08:00:2b:01:02:03'::macaddr), macaddr8_set7bit('00:08:2b:01:02:03'), ~'08:00:2b:01:02:03'::macaddr;
select '08:00:2b:01:02'::macaddr;
select '08:00:2b:01:02:100'::macaddr;
select '08:00:2b:01:02:03:04:05'::macaddr8::macaddr;
create table nets (i inet primary key);
insert into nets values ('192.168.1.5/24'), ('192.168.1.5'), ('10.0.0.0/8'), ('::1'), ('fe80::1:2/64'), ('192.168.0.0/16'), ('::ffff:1.2.3.4');
select i, host(i), network(i), netmask(i), broadcast(i), hostmask(i), masklen(i), family(i), abbrev(i), text(i) from nets order by i;
select a.i, b.i from nets a, nets b where a.i << b.i order by 1, 2;
select i from nets where i >> '192.168.1.5' or i && '10.1.2.3/32' order by 1;
select '10.1'::cidr, '192.168.1'::cidr, '128'::cidr, abbrev('10.1.0.0/16'::cidr), set_masklen('10.1.2.3/24'::inet, 16), inet '10.0.0.255' + 1,
  inet '10.0.1.0' - inet '10.0.0.0', inet_merge('10.0.1.0/24', '10.0.2.0/24'), ~inet '10.0.0.1', inet '10.0.0.1' & '255.0.0.0';
select '10.1.2.3/8'::cidr;
select '1.2.3.256'::inet;
select min(i), max(i) from nets;
drop table nets;
select '16/B374D848'::pg_lsn, '16/B374D848'::pg_lsn - '16/0'::pg_lsn, '0/FFFFFFFF'::pg_lsn + 1, '0/1'::pg_lsn < 'FFFFFFFF/0';
select 'G/0'::pg_lsn;
select '0/1'::pg_lsn - 2::numeric;
select '$1,234.567'::money, '(12.5)'::money, 5::money * 2.5, '10'::money / 3, '10'::money / '4'::money, 123.456::money::numeric, '-1'::money;
select 'x'::money;
select '1'::money / 0;
select cash_words('1234.05'), sum(m), min(m), max(m) from (values ('1.10'::money), ('2.20')) v(m);
