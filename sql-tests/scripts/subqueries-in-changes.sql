-- Subqueries where rows are changed: SET, RETURNING, VALUES, ON CONFLICT.
CREATE TABLE part (id int PRIMARY KEY, name text, price numeric(8,2), stock int);
CREATE TABLE sale (part int REFERENCES part, n int);
INSERT INTO part VALUES (1, 'bolt', 0.10, 1000), (2, 'nut', 0.05, 2000), (3, 'gear', 12.50, 10);
INSERT INTO sale VALUES (1, 10), (1, 20), (3, 1);
WITH done AS (UPDATE part SET stock = stock - (SELECT coalesce(sum(n), 0) FROM sale WHERE sale.part = part.id) RETURNING *) SELECT * FROM done ORDER BY id;
UPDATE part SET (name, price) = (SELECT upper(p.name), max(p.price) + 1 FROM part p WHERE p.id = part.id GROUP BY p.name) WHERE id < 3 RETURNING id, name, price;
UPDATE part SET (name, price) = (SELECT 'none', 1 WHERE false) WHERE id = 2 RETURNING *;
UPDATE part SET price = (SELECT price FROM part) WHERE id = 1;
WITH most AS (SELECT part, sum(n) AS n FROM sale GROUP BY part)
  UPDATE part SET stock = (SELECT n FROM most WHERE most.part = part.id) WHERE id = 1 RETURNING id, stock;
INSERT INTO sale VALUES ((SELECT max(id) FROM part), (SELECT count(*) FROM part)) RETURNING *, (SELECT name FROM part WHERE id = part) AS name;
INSERT INTO sale SELECT id, 7 FROM part ORDER BY id DESC RETURNING part, (SELECT count(*) FROM sale s WHERE s.part = sale.part) AS before;
INSERT INTO part AS p VALUES (1, 'screw', 2, 3), (4, 'cog', 3, 4)
  ON CONFLICT (id) DO UPDATE SET stock = (SELECT sum(n) FROM sale WHERE part = excluded.id), name = excluded.name
  WHERE EXISTS (SELECT FROM sale WHERE part = p.id) RETURNING p.*;
WITH gone AS (DELETE FROM sale WHERE n < (SELECT avg(n) FROM sale) RETURNING n, (SELECT name FROM part p WHERE p.id = sale.part)) SELECT * FROM gone ORDER BY 1, 2;
WITH gone AS (DELETE FROM sale USING part p WHERE p.id = sale.part AND p.stock > (SELECT min(stock) FROM part)
  RETURNING sale.*, p.stock, EXISTS (SELECT FROM sale s WHERE s.n = sale.n)) SELECT * FROM gone ORDER BY 1, 2;
SELECT * FROM part ORDER BY id;
SELECT * FROM sale ORDER BY part, n;
DROP TABLE sale, part;
