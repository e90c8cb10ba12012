//! The extension's objects.

use crate::catalog::extensions::{Available, Function, Step};
use rustydb_types::oid::{BOOL, FLOAT8, INT8, NUMERIC, OID, RECORD, TEXT, TIMESTAMPTZ, VOID};

/// A column of the view.
type Parameter = (&'static str, char, u32, Option<&'static str>);

const fn out(name: &'static str, ty: u32) -> Parameter {
    (name, 'o', ty, None)
}

/// The extension `pg_stat_statements`.
pub const EXTENSION: Available = Available {
    name: "pg_stat_statements",
    version: "1.10",
    comment: "track planning and execution statistics of all SQL statements executed",
    steps: &[
        Step::Function(Function {
            name: "pg_stat_statements_reset",
            source: "pg_stat_statements_reset_1_7",
            params: &[
                ("userid", 'i', OID, Some("0")),
                ("dbid", 'i', OID, Some("0")),
                ("queryid", 'i', INT8, Some("0")),
            ],
            result: VOID,
            set: false,
        }),
        Step::Function(Function {
            name: "pg_stat_statements_info",
            source: "pg_stat_statements_info",
            params: &[out("dealloc", INT8), out("stats_reset", TIMESTAMPTZ)],
            result: RECORD,
            set: false,
        }),
        Step::Sql("CREATE VIEW pg_stat_statements_info AS SELECT * FROM pg_stat_statements_info()"),
        Step::Sql("GRANT SELECT ON pg_stat_statements_info TO PUBLIC"),
        Step::Function(Function {
            name: "pg_stat_statements",
            source: "pg_stat_statements_1_10",
            params: &[
                ("showtext", 'i', BOOL, None),
                out("userid", OID),
                out("dbid", OID),
                out("toplevel", BOOL),
                out("queryid", INT8),
                out("query", TEXT),
                out("plans", INT8),
                out("total_plan_time", FLOAT8),
                out("min_plan_time", FLOAT8),
                out("max_plan_time", FLOAT8),
                out("mean_plan_time", FLOAT8),
                out("stddev_plan_time", FLOAT8),
                out("calls", INT8),
                out("total_exec_time", FLOAT8),
                out("min_exec_time", FLOAT8),
                out("max_exec_time", FLOAT8),
                out("mean_exec_time", FLOAT8),
                out("stddev_exec_time", FLOAT8),
                out("rows", INT8),
                out("shared_blks_hit", INT8),
                out("shared_blks_read", INT8),
                out("shared_blks_dirtied", INT8),
                out("shared_blks_written", INT8),
                out("local_blks_hit", INT8),
                out("local_blks_read", INT8),
                out("local_blks_dirtied", INT8),
                out("local_blks_written", INT8),
                out("temp_blks_read", INT8),
                out("temp_blks_written", INT8),
                out("blk_read_time", FLOAT8),
                out("blk_write_time", FLOAT8),
                out("temp_blk_read_time", FLOAT8),
                out("temp_blk_write_time", FLOAT8),
                out("wal_records", INT8),
                out("wal_fpi", INT8),
                out("wal_bytes", NUMERIC),
                out("jit_functions", INT8),
                out("jit_generation_time", FLOAT8),
                out("jit_inlining_count", INT8),
                out("jit_inlining_time", FLOAT8),
                out("jit_optimization_count", INT8),
                out("jit_optimization_time", FLOAT8),
                out("jit_emission_count", INT8),
                out("jit_emission_time", FLOAT8),
            ],
            result: RECORD,
            set: true,
        }),
        Step::Sql("CREATE VIEW pg_stat_statements AS SELECT * FROM pg_stat_statements(true)"),
        Step::Sql("GRANT SELECT ON pg_stat_statements TO PUBLIC"),
        Step::Sql("REVOKE ALL ON FUNCTION pg_stat_statements_reset(oid, oid, bigint) FROM PUBLIC"),
    ],
};
