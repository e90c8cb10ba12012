-- Geometric types: input, operators, functions, subscripts, arrays.
SELECT point '(1,2)', lseg '[(0,0),(6,6)]', line '{1,-1,5}', box '(2,2),(0,0)', path '[(1,2),(3,4)]', polygon '((0,0),(1,1),(2,0))', circle '<(1,2),3>';
SELECT '1,2'::point, '(1,2),(3,4)'::lseg, '0,0,6,6'::line, '1,1,0,3'::box, '1,2,3,4'::path, '(1,2,3,4)'::polygon, '((1,2),3)'::circle;
SELECT 'x'::point;
SELECT '(1,2'::point;
SELECT '(1,1e400)'::point;
SELECT '{0,0,1}'::line;
SELECT '[(1,2),(1,2)]'::line;
SELECT '<(1,2),-3>'::circle;
SELECT '[1,2,3)'::path;
CREATE TABLE geo_shapes (id int, p point, s lseg, l line, b box, q path, g polygon, c circle);
INSERT INTO geo_shapes VALUES
  (1, '(0,0)', '[(1,2),(3,4)]', '{0,-1,5}', '(2,2),(0,0)', '[(1,2),(3,4)]', '((2,0),(2,4),(0,0))', '<(5,1),3>'),
  (2, '(5.1,34.5)', '[(-10,2),(-10,3)]', '{1,0,5}', '(3,3),(1,1)', '((0,0),(3,0),(4,5),(1,6))', '((0,0),(10,0),(10,10),(0,10))', '<(1,2),100>'),
  (3, '(NaN,1)', '[(0,-20),(30,-20)]', '{1,-1,0}', '(2.5,3.5),(2.5,2.5)', '((10,20))', '((-4,0),(7.66,6),(-1.77,-1))', '<(3,5),NaN>'),
  (4, '(Infinity,1e300)', '[(1,1),(1,1)]', '{-0.4,-1,-6}', '(3,3),(3,3)', '[(10,20)]', '((0,0))', '<(3,5),0>'),
  (5, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO geo_shapes (id, p) SELECT 6, '(7,7)' FROM generate_series(1, 2);
SELECT a.id, b.id, a.p <-> b.p, a.p << b.p, a.p >> b.p, a.p <<| b.p, a.p |>> b.p, a.p ~= b.p, a.p ?- b.p, a.p ?| b.p, a.p + b.p, a.p * b.p FROM geo_shapes a, geo_shapes b WHERE a.id < 4 AND b.id < 4 ORDER BY 1, 2;
SELECT a.id, b.id, a.s <-> b.s, a.s # b.s, a.s ## b.s, a.s ?|| b.s, a.s ?-| b.s, a.s = b.s, a.s < b.s FROM geo_shapes a, geo_shapes b ORDER BY 1, 2;
SELECT a.id, b.id, a.l <-> b.l, a.l # b.l, a.l ?|| b.l, a.l ?-| b.l, a.l = b.l FROM geo_shapes a, geo_shapes b WHERE a.id < 5 AND b.id < 5 ORDER BY 1, 2;
SELECT a.id, b.id, a.b <-> b.b, a.b && b.b, a.b @> b.b, a.b <@ b.b, a.b &< b.b, a.b &> b.b, a.b # b.b, a.b = b.b, bound_box(a.b, b.b) FROM geo_shapes a, geo_shapes b WHERE a.id < 5 AND b.id < 5 ORDER BY 1, 2;
SELECT a.id, b.id, a.q <-> b.q, a.q ?# b.q, a.q + b.q, a.q <= b.q FROM geo_shapes a, geo_shapes b WHERE a.id < 5 AND b.id < 5 ORDER BY 1, 2;
SELECT a.id, b.id, a.g <-> b.g, a.g && b.g, a.g @> b.g, a.g ~= b.g, a.g << b.g, a.g |&> b.g FROM geo_shapes a, geo_shapes b WHERE a.id < 5 AND b.id < 5 ORDER BY 1, 2;
SELECT a.id, b.id, a.c <-> b.c, a.c && b.c, a.c @> b.c, a.c <> b.c, a.c &< b.c, a.c |>> b.c FROM geo_shapes a, geo_shapes b WHERE a.id < 5 AND b.id < 5 ORDER BY 1, 2;
SELECT id, area(b), center(b), width(b), height(b), diagonal(b), length(s), @@ s, npoints(q), isopen(q), pclose(q), length(q), area(q), center(g), box(g), circle(g), radius(c), diameter(c), area(c), box(c) FROM geo_shapes ORDER BY id;
SELECT polygon(4, circle '<(0,0),1>'), polygon(circle '<(0,0),2>'), slope(point '(0,0)', point '(1,2)');
SELECT polygon(1, circle '<(0,0),1>');
SELECT polygon(4, circle '<(0,0),0>');
SELECT path '((0,0),(1,1))' * point '(0,1)', box '(2,2),(1,1)' / point '(0,2)', circle '<(1,1),2>' * point '(3,4)';
SELECT id, p[0], p[1], p[2], b[0], b[1], s[1], l[2], (b[0])[1] FROM geo_shapes ORDER BY id;
SELECT p[0:1] FROM geo_shapes;
UPDATE geo_shapes SET p[0] = 9, b[1] = '(0,0)' WHERE id IN (2, 5);
UPDATE geo_shapes SET p[2] = 1 WHERE id = 2;
SELECT id, p, b FROM geo_shapes WHERE id IN (2, 5) ORDER BY id;
SELECT ARRAY[box '(1,1),(0,0)', '(3,3),(2,2)'], '{(1,1),(0,0);(2,2),(3,3)}'::box[], ARRAY[point '(1,2)'];
SET extra_float_digits = 0;
SELECT point '(0.1,0.3)', point '(1,2)' <-> point '(3,3.3)';
RESET extra_float_digits;
SELECT p FROM geo_shapes ORDER BY p;
SELECT DISTINCT p FROM geo_shapes;
SELECT count(DISTINCT p) FROM geo_shapes;
CREATE INDEX ON geo_shapes (p);
DROP TABLE geo_shapes;
