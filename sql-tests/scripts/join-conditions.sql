-- Conditions of joins that cannot be moved: with a subquery, or volatile.
CREATE TABLE jc_customer (id int PRIMARY KEY, bill text);
CREATE TABLE jc_order (id int PRIMARY KEY, customer int, ship text);
INSERT INTO jc_customer VALUES (1, 'CA'), (2, 'TX'), (3, NULL);
INSERT INTO jc_order VALUES (10, 1, 'CA'), (20, 1, 'NY'), (30, 2, 'TX'), (40, 2, NULL);
SELECT c.id, o.id, o.ship FROM jc_customer c JOIN jc_order o
  ON c.id = o.customer AND o.ship = (SELECT min(i.ship) FROM jc_order i WHERE i.customer = c.id) ORDER BY 1, 2;
SELECT count(*) FROM jc_customer c JOIN jc_order o ON c.id = o.customer AND random() >= 0;
SELECT count(*) FROM jc_customer a JOIN jc_customer b ON EXISTS (SELECT 1 FROM jc_order WHERE customer = a.id) AND a.id < b.id
  JOIN jc_order o ON o.customer = b.id;
-- An operand of unknown type has the other's type where only that fits.
SELECT ARRAY[1, 2, 3] || NULL AS a, NULL || ARRAY[1, 2, 3] AS b, ARRAY[1] || '{2,3}' AS c, '{0}' || ARRAY[1] AS d;
DROP TABLE jc_order, jc_customer;
