//! Which chapter of PostgreSQL 15's manual a function or operator belongs to.
//!
//! The manual names only a part of `pg_proc`: the rest are the functions behind operators, casts, types, indexes and aggregates.
//! They go by these rules, the first that fits:
//!
//! 1. what only the server calls (internal arguments, handlers, a type's input and output, index support, planner estimates)
//!    goes to chapters of its own at the end of the table;
//! 2. aggregates are 9.21, window functions 9.22, triggers 9.28 and 9.29;
//! 3. a name that belongs to one chapter, by the patterns of [`NAMES`];
//! 4. a comparison (`=`, `<>`, `<`, `<=`, `>`, `>=`) or the function behind one is 9.2;
//! 5. matching of text (`~~`, `~`, …) is 9.7;
//! 6. the rest go by the type of an argument, by [`TYPES`].
//!
//! 9.1, 9.18, 9.23 and 9.24 are syntax and have no rows.

use regex::Regex;
use std::sync::LazyLock;

/// A row of `pg_proc` or `pg_operator`, as far as the rules look at it.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// The function's name, or the operator's.
    pub name: &'a str,
    /// For a function that implements an operator, the operator's name.
    pub operator: Option<&'a str>,
    /// `pg_proc.prokind`, or `o`.
    pub kind: char,
    /// Argument types.
    pub args: &'a [String],
    /// The result type.
    pub result: &'a str,
}

/// Chapters in the order of the table.
pub const CHAPTERS: &[&str] = &[
    "9.2 Comparison",
    "9.3 Mathematical",
    "9.4 String",
    "9.5 Binary String",
    "9.6 Bit String",
    "9.7 Pattern Matching",
    "9.8 Formatting",
    "9.9 Date/Time",
    "9.10 Enum Support",
    "9.11 Geometric",
    "9.12 Network Address",
    "9.13 Text Search",
    "9.14 UUID",
    "9.15 XML",
    "9.16 JSON",
    "9.17 Sequence Manipulation",
    "9.19 Array",
    "9.20 Range/Multirange",
    "9.21 Aggregate",
    "9.22 Window",
    "9.25 Set Returning",
    "9.26 System Information",
    "9.27 System Administration",
    "9.28 Trigger",
    "9.29 Event Trigger",
    "9.30 Statistics Information",
    "28.2 Statistics of the server",
    "35.4 Large Objects",
    "8 Types: input and output",
    "11 Index support",
    "other: called by the server only",
    "other",
];

const SUPPORT: &str = "11 Index support";
const INTERNAL: &str = "other: called by the server only";
const INOUT: &str = "8 Types: input and output";

/// Names that decide, in this order.
const NAMES: &[(&str, &str)] = &[
    (
        SUPPORT,
        "^(bt.*cmp|bt.*_(sortsupport)|bt.*equalimage|btoidvectorcmp|hash.*|.*_hash(_extended)?|gin_.*|gist_.*|brin_.*|spg_.*|in_range|.*_cmp|.*_subdiff|.*_canonical|.*hash.*extended|bitcmp|varbitcmp|bpcharcmp|byteacmp|network_cmp|cash_cmp)$",
    ),
    ("35.4 Large Objects", "^(lo_.*|loread|lowrite)$"),
    ("28.2 Statistics of the server", "^pg_stat_.*$"),
    ("9.30 Statistics Information", "^pg_mcv_list_items$"),
    ("9.17 Sequence Manipulation", "^(nextval|setval|currval|lastval)$"),
    ("9.25 Set Returning", "^(generate_series|generate_series_int.*|generate_subscripts)$"),
    ("9.8 Formatting", "^(to_char|to_date|to_number)$"),
    ("9.14 UUID", "^(gen_random_uuid|uuid_.*)$"),
    ("9.15 XML", "^(xml.*|xpath.*|.*_to_xml.*|.*_to_xmlschema|text_xml)$"),
    ("9.10 Enum Support", "^enum_.*$"),
    (
        "9.7 Pattern Matching",
        "^(regexp_.*|similar_.*|like_escape|.*like|.*regex(eq|ne)|text.*sub.*regex|notlike|like)$",
    ),
    (
        "9.26 System Information",
        "^(current_(user|schemas?|database|query)|session_user|has_.*|pg_.*_is_visible|(obj|col|shobj)_description|to_reg.*|format_type|\
         pg_get_.*|pg_backend_pid|pg_blocking_pids|pg_safe_snapshot.*|version|pg_conf_load_time|pg_postmaster_start_time|txid_.*|\
         pg_current_xact.*|pg_current_snapshot|pg_snapshot_.*|pg_visible_in.*|pg_xact_.*|pg_last_committed.*|inet_(client|server).*|\
         pg_my_temp_schema|pg_is_other_temp_schema|pg_jit_available|pg_listening_channels|pg_notification_queue_usage|pg_trigger_depth|\
         pg_current_logfile|pg_typeof|pg_describe_object|pg_identify_.*|pg_settings_get_flags|pg_options_to_table|pg_tablespace_.*|\
         pg_index.*_has_property|pg_control_.*|row_security_active|makeaclitem|acl.*|pg_char_to_encoding|pg_encoding_.*|getdatabaseencoding|\
         pg_client_encoding|pg_has_role|pg_show_.*|pg_.*_encoding|pg_event_trigger.*|pg_safe.*|pg_get_wal_resource_managers|pg_isolation.*|\
         pg_lock_status|pg_prepared_.*|pg_cursor|pg_timezone_.*|pg_config|pg_available_.*|pg_extension_.*|pg_sequence_.*|pg_trigger_.*)$",
    ),
    (
        "9.27 System Administration",
        "^(current_setting|set_config|pg_.*size.*|pg_cancel_backend|pg_terminate_backend|pg_reload_conf|pg_rotate_logfile.*|pg_log_.*|pg_.*wal.*|\
         pg_.*backup.*|pg_create_.*|pg_promote|pg_is_in_recovery|pg_last_xact.*|pg_export_snapshot|pg_.*slot.*|pg_replication_.*|pg_logical_.*|\
         pg_ls_.*|pg_read_.*|pg_stat_file|pg_.*advisory.*|pg_relation_file.*|pg_filenode_.*|pg_collation_actual.*|pg_database_collation.*|\
         pg_import_.*|pg_partition_.*|.*_summarize.*|brin_.*|gin_clean.*|pg_drop_.*|pg_copy_.*|pg_sleep.*|pg_notify|pg_nextoid|pg_hba_.*|\
         pg_ident_.*|pg_relation_is_.*|pg_column_.*|binary_upgrade.*|pg_stop_.*|pg_get_replica.*|pg_get_publication.*|fmgr_.*)$",
    ),
    (
        "9.13 Text Search",
        "^(ts_.*|to_tsvector|to_tsquery|.*to_tsquery|tsquery_.*|tsvector_.*|setweight|strip|numnode|querytree|get_current_ts_config|json.?_to_tsvector|array_to_tsvector|prsd_.*|dsimple_.*|dsynonym_.*|dispell_.*|thesaurus_.*)$",
    ),
    ("9.16 JSON", "^(json.*|to_jsonb?|row_to_json|array_to_json)$"),
    ("9.20 Range/Multirange", "^(range_.*|multirange.*|lower_.*|upper_.*|isempty|.*range)$"),
    ("9.19 Array", "^(array_.*|array.*|cardinality|unnest|string_to_(array|table)|trim_array)$"),
    (
        "9.4 String",
        "^(concat|concat_ws|format|quote_.*|chr|to_ascii|to_hex|md5|parse_ident|convert.*|encode|decode|sha[0-9]+|normalize|is_normalized|unistr|initcap|ascii)$",
    ),
    (
        "9.9 Date/Time",
        "^(now|clock_timestamp|.*_timestamp|timeofday|make_(date|time|timestamp|timestamptz|interval)|age|date_.*|extract|isfinite|justify_.*|overlaps)$",
    ),
    ("9.3 Mathematical", "^(random|setseed|width_bucket|pi|num_n.*nulls)$"),
];

/// Types that decide, in this order.
const TYPES: &[(&str, &[&str])] = &[
    ("9.16 JSON", &["json", "jsonb", "jsonpath"]),
    ("9.13 Text Search", &["tsvector", "tsquery", "regconfig", "regdictionary", "gtsvector"]),
    ("9.11 Geometric", &["point", "box", "lseg", "line", "path", "polygon", "circle"]),
    ("9.12 Network Address", &["inet", "cidr", "macaddr", "macaddr8"]),
    (
        "9.20 Range/Multirange",
        &[
            "anyrange",
            "anymultirange",
            "anycompatiblerange",
            "anycompatiblemultirange",
            "int4range",
            "int8range",
            "numrange",
            "daterange",
        ],
    ),
    ("9.19 Array", &["anyarray", "anycompatiblearray", "oidvector", "int2vector"]),
    ("9.10 Enum Support", &["anyenum"]),
    ("9.15 XML", &["xml"]),
    ("9.14 UUID", &["uuid"]),
    ("9.6 Bit String", &["bit", "bit varying"]),
    ("9.26 System Information", &["aclitem", "aclitem[]", "pg_snapshot", "txid_snapshot", "xid", "xid8", "cid", "tid"]),
    (
        "9.9 Date/Time",
        &[
            "interval",
            "timestamp without time zone",
            "timestamp with time zone",
            "date",
            "time without time zone",
            "time with time zone",
        ],
    ),
    ("9.5 Binary String", &["bytea"]),
    ("9.3 Mathematical", &["smallint", "bigint", "numeric", "real", "double precision", "money", "pg_lsn"]),
    ("9.4 String", &["text", "character varying", "character", "name", "\"char\""]),
    ("9.3 Mathematical", &["integer"]),
    ("9.2 Comparison", &["boolean", "record", "anyelement", "oid"]),
];

static PATTERNS: LazyLock<Vec<(&'static str, Regex)>> =
    LazyLock::new(|| NAMES.iter().filter_map(|(chapter, p)| Some((*chapter, Regex::new(p).ok()?))).collect());

const COMPARISONS: &[&str] = &["=", "<>", "<", "<=", ">", ">="];

/// The chapter.
pub fn chapter(of: &Subject<'_>) -> &'static str {
    let has = |t: &str| of.args.iter().any(|a| a == t);
    match of.kind {
        'a' => return "9.21 Aggregate",
        'w' => return "9.22 Window",
        _ => {}
    }
    match of.result {
        "trigger" => return "9.28 Trigger",
        "event_trigger" => return "9.29 Event Trigger",
        _ => {}
    }
    if of.kind != 'o' {
        let io = has("cstring") || of.result == "cstring" || has("cstring[]");
        let binary = of.name.ends_with("recv") || of.name.ends_with("send");
        if io || (binary && of.args.len() <= 3) {
            return INOUT;
        }
        if has("internal") || of.result == "internal" || of.result.ends_with("_handler") {
            let support = PATTERNS.first().is_some_and(|(_, p)| p.is_match(of.name));
            return if support { SUPPORT } else { INTERNAL };
        }
        if let Some((chapter, _)) = PATTERNS.iter().find(|(_, p)| p.is_match(of.name)) {
            return chapter;
        }
    }
    let operator = if of.kind == 'o' { Some(of.name) } else { of.operator };
    if let Some(name) = operator {
        if COMPARISONS.contains(&name) {
            return "9.2 Comparison";
        }
        if name.contains('~') && ["text", "name", "character"].iter().any(|t| has(t)) {
            return "9.7 Pattern Matching";
        }
    }
    let by_type = TYPES.iter().find(|(_, types)| types.iter().any(|t| has(t)));
    let by_result = || TYPES.iter().find(|(_, types)| types.contains(&of.result));
    by_type.or_else(by_result).map_or("other", |(chapter, _)| chapter)
}
