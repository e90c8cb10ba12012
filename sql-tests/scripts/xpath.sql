-- XPath: values of every kind, namespaces, errors, XMLEXISTS.
SELECT xpath('//b', '<a>one <b>two</b> three <b>etc</b></a>');
SELECT xpath('/a/b[2]/@n', '<a><b n="1"/><b n="&lt;2"/></a>'), xpath('//text()', '<r>&lt;<![CDATA[<x>]]></r>');
SELECT xpath('count(//*)', '<root><sub/><sub/></root>'), xpath('count(//*) = 3', '<root><sub/><sub/></root>'), xpath('name(/*)', '<root/>'),
  xpath('''<<x>>''', '<r/>'), xpath('1 div 3', '<r/>'), xpath('//zz', '<r/>');
SELECT xpath('//loc:piece', '<local:data xmlns:local="http://127.0.0.1" xmlns="http://127.0.0.2"><local:piece id="1"><internal>number one</internal><internal2/></local:piece></local:data>', ARRAY[ARRAY['loc', 'http://127.0.0.1']]);
SELECT xpath('//p:b/@*', '<a xmlns:q="u"><q:b x="1" q:y="2">t</q:b><b x="3"/></a>', ARRAY[ARRAY['p', 'u']]);
SELECT xpath('//b', '<a xmlns="http://d"><b/></a>'), xpath('//*[local-name() = ''b'']', '<a xmlns="http://d"><b/></a>');
SELECT xpath('node()', '<!-- c --><?pi arg?><a/>'), xpath('/a/node()', '<a>t<!--c--><?p q?><b z=''1"''/></a>');
SELECT xpath('//c/ancestor::*/@i', '<a i="1"><b i="2"><c/></b></a>'), xpath('//b/following::*', '<a><b/><c/><d><e/></d></a>'),
  xpath('//d/preceding-sibling::*[1]', '<a><b/><c/><d/></a>');
SELECT xpath('substring-before("a-b", "-")', '<a/>'), xpath('translate("bar", "abc", "AB")', '<a/>'), xpath('normalize-space("  a  b ")', '<a/>'),
  xpath('string-length("abc") > 2 and not(false())', '<a/>'), xpath('round(2.5) + floor(-1.5)', '<a/>'), xpath('sum(//n)', '<a><n>1</n><n>2.5</n></a>');
SELECT xpath('//n[. > 1][last()]', '<a><n>1</n><n>2</n><n>3</n></a>'), xpath('(//n)[2] | //m', '<a><m/><n>1</n><n>2</n></a>');
SELECT xpath_exists('//t[text() = ''x'']', '<r><t>x</t></r>'), xpath_exists('//u', '<r/>'), xpath_exists('count(/n)', '<r/>'), xpath_exists(NULL, '<r/>');
SELECT xmlexists('//t' PASSING '<r><t/></r>'), xmlexists('//u' PASSING BY REF '<r/>'::xml BY REF), xmlexists('count(/n)' PASSING BY VALUE '<r/>');
SELECT xpath('', '<a/>');
SELECT xpath('a[', '<a/>');
SELECT xpath('foo()', '<a/>');
SELECT xpath('p:a', '<a/>');
SELECT xpath('a', 'x');
SELECT xpath('a', '<a/>', ARRAY['x']);
SELECT xpath('a', '<a/>', ARRAY[ARRAY[NULL, 'x']]);
SELECT xmlexists('a[' PASSING '<a/>');
