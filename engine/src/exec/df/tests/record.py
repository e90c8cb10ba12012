"""Records PostgreSQL's answers to queries.sql over data.txt in answers.txt.

usage: record.py PSQL-ARGUMENTS...   (a scratch database; its tables are replaced)
"""
import os, subprocess, sys

here = os.path.dirname(os.path.abspath(__file__))

def psql(sql, *more):
    return subprocess.run(["timeout", "10", "psql", "-X", "-q", *sys.argv[1:], *more], input=sql, text=True, capture_output=True)

setup, name = [], None
for line in open(f"{here}/data.txt").read().splitlines():
    if line.startswith("table "):
        if name:
            setup.append("\\.")
        name = line[6:line.index("(")]
        setup += [f"DROP TABLE IF EXISTS {name};", f"CREATE {line};", f"COPY {name} FROM STDIN DELIMITER '|';"]
    else:
        setup.append(line)
setup.append("\\.")
done = psql("\n".join(setup) + "\n", "-v", "ON_ERROR_STOP=1")
if done.returncode:
    sys.exit(done.stderr)
with open(f"{here}/answers.txt", "w") as out:
    for query in open(f"{here}/queries.sql").read().splitlines():
        got = psql(f"\\set VERBOSITY sqlstate\n{query};\n", "-At", "-P", "null=\\N")
        out.write(f"> {query}\n")
        text = got.stdout if not got.stderr else "error " + got.stderr.split("ERROR:")[1].strip() + "\n"
        out.write(text)
