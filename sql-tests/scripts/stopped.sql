-- Statements that would run for years end when their time is up.
SET statement_timeout = '500ms';
SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b, generate_series(1, 100000) c;
SELECT count(*) FROM generate_series(1, 100000) a JOIN generate_series(1, 100000) b ON a % 2 = b % 2 JOIN generate_series(1, 100000) c ON b % 2 = c % 2;
SELECT count(*) FROM generate_series(1, 100000) a JOIN generate_series(1, 100000) b ON a + b > 5 JOIN generate_series(1, 100000) c ON b + c > 5;
SELECT count(*) FROM generate_series(1, 10000000) a, generate_series(1, 100000) b WHERE a + b < 0;
RESET statement_timeout;
SELECT 1 AS alive;
