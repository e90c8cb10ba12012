#!/usr/bin/env python3
"""Reads the built-in catalog facts off a fresh PostgreSQL 15 cluster into the TSV files beside this script.

Run by hand, when the PostgreSQL version that RustyDB follows changes:

    initdb -E UTF8 --locale=C.UTF-8 -U postgres -D DIR && pg_ctl -D DIR -o '-p 5999 -k /tmp' start
    python3 gen_catalog.py -h /tmp -p 5999 -U postgres -d template1

Each file is in COPY's text format (tab-separated, \\N for NULL, backslash escapes) under one header line of column
names; `src/pgdata.rs` declares the same columns in the same order. Only facts are taken: names, OIDs, signatures,
flags, column lists. Lists inside a field are separated by blanks (numbers), commas (names, modes) or semicolons
(default expressions).
"""

import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent

# Everything initdb made has an OID below this; whatever a user made since is not a fact about PostgreSQL.
BUILT_IN = "oid < 16384"

SYSTEM_RELATION = "relnamespace in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)"

QUERIES = {
    "pg_namespace": f"""
        select oid, nspname from pg_namespace where {BUILT_IN} order by oid""",
    "pg_type": f"""
        select oid, typname, typnamespace, typlen, typbyval, typtype, typcategory, typispreferred, typisdefined,
               typdelim, typrelid, typsubscript::oid typsubscript, typelem, typarray, typinput::oid typinput,
               typoutput::oid typoutput, typreceive::oid typreceive, typsend::oid typsend, typmodin::oid typmodin,
               typmodout::oid typmodout, typanalyze::oid typanalyze, typalign, typstorage, typnotnull, typbasetype,
               typtypmod, typndims, typcollation, typdefault
        from pg_type where {BUILT_IN} and typnamespace <> 'pg_toast'::regnamespace order by oid""",
    "pg_proc": f"""
        select oid, proname, pronamespace, prolang, procost, prorows, provariadic, prokind, prosecdef, proleakproof,
               proisstrict, proretset, provolatile, proparallel, pronargs, pronargdefaults, prorettype, proargtypes,
               array_to_string(proallargtypes, ' ') proallargtypes, array_to_string(proargmodes, ',') proargmodes,
               array_to_string(proargnames, ',') proargnames,
               (select string_agg(pg_get_function_arg_default(p.oid, n), ';' order by n)
                  from generate_series(1, coalesce(array_length(p.proallargtypes, 1), p.pronargs)) n
                 where pg_get_function_arg_default(p.oid, n) is not null) proargdefaults,
               prosrc, pg_get_function_sqlbody(oid) prosqlbody
        from pg_proc p where {BUILT_IN} order by oid""",
    "pg_operator": f"""
        select oid, oprname, oprkind, oprcanmerge, oprcanhash, oprleft, oprright, oprresult, oprcom, oprnegate,
               oprcode::oid oprcode, oprrest::oid oprrest, oprjoin::oid oprjoin
        from pg_operator where {BUILT_IN} order by oid""",
    "pg_cast": f"""
        select oid, castsource, casttarget, castfunc, castcontext, castmethod
        from pg_cast where {BUILT_IN} order by castsource, casttarget""",
    "pg_aggregate": """
        select aggfnoid::oid aggfnoid, aggkind, aggnumdirectargs, aggtransfn::oid aggtransfn,
               aggfinalfn::oid aggfinalfn, aggcombinefn::oid aggcombinefn, aggserialfn::oid aggserialfn,
               aggdeserialfn::oid aggdeserialfn, aggmtransfn::oid aggmtransfn, aggminvtransfn::oid aggminvtransfn,
               aggmfinalfn::oid aggmfinalfn, aggfinalextra, aggmfinalextra, aggfinalmodify, aggmfinalmodify,
               aggsortop, aggtranstype, aggtransspace, aggmtranstype, aggmtransspace, agginitval, aggminitval
        from pg_aggregate where aggfnoid < 16384 order by aggfnoid::oid""",
    "pg_am": f"""
        select oid, amname, amhandler::oid amhandler, amtype from pg_am where {BUILT_IN} order by oid""",
    "pg_opfamily": f"""
        select oid, opfmethod, opfname from pg_opfamily where {BUILT_IN} order by oid""",
    "pg_opclass": f"""
        select oid, opcmethod, opcname, opcfamily, opcintype, opcdefault, opckeytype
        from pg_opclass where {BUILT_IN} order by oid""",
    "pg_amop": f"""
        select oid, amopfamily, amoplefttype, amoprighttype, amopstrategy, amoppurpose, amopopr, amopmethod,
               amopsortfamily
        from pg_amop where {BUILT_IN} order by amopfamily, amoplefttype, amoprighttype, amopstrategy""",
    "pg_amproc": f"""
        select oid, amprocfamily, amproclefttype, amprocrighttype, amprocnum, amproc::oid amproc
        from pg_amproc where {BUILT_IN} order by amprocfamily, amproclefttype, amprocrighttype, amprocnum""",
    "pg_collation": """
        select oid, collname, collprovider, collisdeterministic, collencoding, collcollate, collctype,
               colliculocale
        from pg_collation where collprovider = 'i' or collname in ('default', 'C', 'POSIX', 'ucs_basic', 'C.utf8')
        order by oid""",
    "pg_language": f"""
        select oid, lanname, lanispl, lanpltrusted, lanplcallfoid, laninline, lanvalidator
        from pg_language where {BUILT_IN} order by oid""",
    "pg_range": """
        select rngtypid, rngsubtype, rngmultitypid, rngcollation, rngsubopc, rngcanonical::oid rngcanonical,
               rngsubdiff::oid rngsubdiff
        from pg_range where rngtypid < 16384 order by rngtypid""",
    "pg_ts_parser": f"""
        select oid, prsname, prsstart::oid prsstart, prstoken::oid prstoken, prsend::oid prsend, prsheadline::oid prsheadline, prslextype::oid prslextype from pg_ts_parser where {BUILT_IN} order by oid""",
    "pg_ts_template": f"""
        select oid, tmplname, tmplinit::oid tmplinit, tmpllexize::oid tmpllexize from pg_ts_template where {BUILT_IN} order by oid""",
    "pg_ts_dict": f"""
        select oid, dictname, dicttemplate, dictinitoption from pg_ts_dict where {BUILT_IN} order by oid""",
    "pg_ts_config": f"""
        select oid, cfgname, cfgparser from pg_ts_config where {BUILT_IN} order by oid""",
    "pg_ts_config_map": f"""
        select mapcfg, maptokentype, mapseqno, mapdict from pg_ts_config_map where mapcfg < 16384 order by mapcfg, maptokentype, mapseqno""",
    "pg_conversion": f"""
        select oid, conname, conforencoding, contoencoding, conproc::oid conproc, condefault
        from pg_conversion where {BUILT_IN} order by oid""",
    "pg_tablespace": f"""
        select oid, spcname from pg_tablespace where {BUILT_IN} order by oid""",
    "pg_relations": f"""
        select oid, relname, relnamespace, reltype, relkind, relisshared, relhasindex, relnatts, reltoastrelid
        from pg_class where relkind in ('r', 'v') and {SYSTEM_RELATION} and {BUILT_IN} order by oid""",
    "pg_columns": f"""
        select attrelid, attnum, attname, atttypid, atttypmod, attnotnull, attcollation
        from pg_attribute a join pg_class c on c.oid = attrelid
        where attnum > 0 and relkind in ('r', 'v') and {SYSTEM_RELATION} and c.{BUILT_IN} order by attrelid, attnum""",
    "pg_indexes": f"""
        select c.oid, c.relname, indrelid, indisunique, indisprimary, indkey, indclass, indcollation
        from pg_index i join pg_class c on c.oid = indexrelid
        where c.{SYSTEM_RELATION} and c.{BUILT_IN} order by c.oid""",
    "pg_keywords": """
        select word, catcode, barelabel, catdesc, baredesc from pg_get_keywords() order by word""",
    "pg_description": """
        select classoid, objoid, objsubid, description
        from pg_description where objoid < 16384 and classoid in ('pg_proc'::regclass, 'pg_type'::regclass,
            'pg_operator'::regclass, 'pg_am'::regclass, 'pg_namespace'::regclass, 'pg_language'::regclass,
            'pg_collation'::regclass, 'pg_cast'::regclass, 'pg_ts_parser'::regclass, 'pg_ts_template'::regclass,
            'pg_ts_dict'::regclass, 'pg_ts_config'::regclass, 'pg_conversion'::regclass)
        order by classoid, objoid, objsubid""",
}


def main() -> None:
    psql = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *sys.argv[1:]]
    total = 0
    for name, query in QUERIES.items():
        sql = "copy (" + " ".join(query.split()) + ") to stdout with (format text, header)"
        out = subprocess.run([*psql, "-c", sql], check=True, capture_output=True).stdout
        (HERE / f"{name}.tsv").write_bytes(out)
        total += len(out)
        print("%-16s %6d rows %8d bytes" % (name, out.count(b"\n") - 1, len(out)))
    print(f"total {total} bytes")


if __name__ == "__main__":
    main()
