-- Constraints on what stands around, and back references.
SELECT 'foobar' ~ 'foo(?=bar)', 'foobaz' ~ 'foo(?!bar)', 'xfoo' ~ '(?<=x)foo', 'xfoo' ~ '(?<!x)foo';
SELECT regexp_replace('price 100 EUR, 20 USD', '[0-9]+(?= EUR)', 'N', 'g'), regexp_matches('ab', 'a(?=b)b*');
SELECT substring('aaa bbb', '(?<= )b+'), regexp_split_to_array('aBcD', '(?=[A-Z])'), regexp_count('ababab', 'a(?=b)');
SELECT 'abab' ~ '^(ab)\1$', 'abba' ~ '^(a)(b)\2\1$', 'Aa' ~* '^(a)\1$', regexp_replace('foobarrbazz', '(.)\1', '<\1>', 'g');
SELECT regexp_matches('hello wood', '(o)\1|(l)\2', 'g'), 'abc abc' ~ '^(\w+)( \1)+$';
SELECT 'a' ~ '(?=a)*';
SELECT 'a' ~ '\1(a)';
