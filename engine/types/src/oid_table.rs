// Made by data/gen_types.py from PostgreSQL 15's pg_type. Do not edit.
// One row per type; wide rows read better than wrapped ones.

#[rustfmt::skip]
#[allow(missing_docs, reason = "the name is the type's name in pg_type")]
mod consts {
    pub const BOOL: u32 = 16;
    pub const BYTEA: u32 = 17;
    pub const CHAR: u32 = 18;
    pub const NAME: u32 = 19;
    pub const INT8: u32 = 20;
    pub const INT2: u32 = 21;
    pub const INT2VECTOR: u32 = 22;
    pub const INT4: u32 = 23;
    pub const REGPROC: u32 = 24;
    pub const TEXT: u32 = 25;
    pub const OID: u32 = 26;
    pub const TID: u32 = 27;
    pub const XID: u32 = 28;
    pub const CID: u32 = 29;
    pub const OIDVECTOR: u32 = 30;
    pub const PG_DDL_COMMAND: u32 = 32;
    pub const JSON: u32 = 114;
    pub const XML: u32 = 142;
    pub const XML_ARRAY: u32 = 143;
    pub const PG_NODE_TREE: u32 = 194;
    pub const JSON_ARRAY: u32 = 199;
    pub const TABLE_AM_HANDLER: u32 = 269;
    pub const XID8_ARRAY: u32 = 271;
    pub const INDEX_AM_HANDLER: u32 = 325;
    pub const POINT: u32 = 600;
    pub const LSEG: u32 = 601;
    pub const PATH: u32 = 602;
    pub const BOX: u32 = 603;
    pub const POLYGON: u32 = 604;
    pub const LINE: u32 = 628;
    pub const LINE_ARRAY: u32 = 629;
    pub const CIDR: u32 = 650;
    pub const CIDR_ARRAY: u32 = 651;
    pub const FLOAT4: u32 = 700;
    pub const FLOAT8: u32 = 701;
    pub const UNKNOWN: u32 = 705;
    pub const CIRCLE: u32 = 718;
    pub const CIRCLE_ARRAY: u32 = 719;
    pub const MACADDR8: u32 = 774;
    pub const MACADDR8_ARRAY: u32 = 775;
    pub const MONEY: u32 = 790;
    pub const MONEY_ARRAY: u32 = 791;
    pub const MACADDR: u32 = 829;
    pub const INET: u32 = 869;
    pub const BOOL_ARRAY: u32 = 1000;
    pub const BYTEA_ARRAY: u32 = 1001;
    pub const CHAR_ARRAY: u32 = 1002;
    pub const NAME_ARRAY: u32 = 1003;
    pub const INT2_ARRAY: u32 = 1005;
    pub const INT2VECTOR_ARRAY: u32 = 1006;
    pub const INT4_ARRAY: u32 = 1007;
    pub const REGPROC_ARRAY: u32 = 1008;
    pub const TEXT_ARRAY: u32 = 1009;
    pub const TID_ARRAY: u32 = 1010;
    pub const XID_ARRAY: u32 = 1011;
    pub const CID_ARRAY: u32 = 1012;
    pub const OIDVECTOR_ARRAY: u32 = 1013;
    pub const BPCHAR_ARRAY: u32 = 1014;
    pub const VARCHAR_ARRAY: u32 = 1015;
    pub const INT8_ARRAY: u32 = 1016;
    pub const POINT_ARRAY: u32 = 1017;
    pub const LSEG_ARRAY: u32 = 1018;
    pub const PATH_ARRAY: u32 = 1019;
    pub const BOX_ARRAY: u32 = 1020;
    pub const FLOAT4_ARRAY: u32 = 1021;
    pub const FLOAT8_ARRAY: u32 = 1022;
    pub const POLYGON_ARRAY: u32 = 1027;
    pub const OID_ARRAY: u32 = 1028;
    pub const ACLITEM: u32 = 1033;
    pub const ACLITEM_ARRAY: u32 = 1034;
    pub const MACADDR_ARRAY: u32 = 1040;
    pub const INET_ARRAY: u32 = 1041;
    pub const BPCHAR: u32 = 1042;
    pub const VARCHAR: u32 = 1043;
    pub const DATE: u32 = 1082;
    pub const TIME: u32 = 1083;
    pub const TIMESTAMP: u32 = 1114;
    pub const TIMESTAMP_ARRAY: u32 = 1115;
    pub const DATE_ARRAY: u32 = 1182;
    pub const TIME_ARRAY: u32 = 1183;
    pub const TIMESTAMPTZ: u32 = 1184;
    pub const TIMESTAMPTZ_ARRAY: u32 = 1185;
    pub const INTERVAL: u32 = 1186;
    pub const INTERVAL_ARRAY: u32 = 1187;
    pub const NUMERIC_ARRAY: u32 = 1231;
    pub const CSTRING_ARRAY: u32 = 1263;
    pub const TIMETZ: u32 = 1266;
    pub const TIMETZ_ARRAY: u32 = 1270;
    pub const BIT: u32 = 1560;
    pub const BIT_ARRAY: u32 = 1561;
    pub const VARBIT: u32 = 1562;
    pub const VARBIT_ARRAY: u32 = 1563;
    pub const NUMERIC: u32 = 1700;
    pub const REFCURSOR: u32 = 1790;
    pub const REFCURSOR_ARRAY: u32 = 2201;
    pub const REGPROCEDURE: u32 = 2202;
    pub const REGOPER: u32 = 2203;
    pub const REGOPERATOR: u32 = 2204;
    pub const REGCLASS: u32 = 2205;
    pub const REGTYPE: u32 = 2206;
    pub const REGPROCEDURE_ARRAY: u32 = 2207;
    pub const REGOPER_ARRAY: u32 = 2208;
    pub const REGOPERATOR_ARRAY: u32 = 2209;
    pub const REGCLASS_ARRAY: u32 = 2210;
    pub const REGTYPE_ARRAY: u32 = 2211;
    pub const RECORD: u32 = 2249;
    pub const CSTRING: u32 = 2275;
    pub const ANY: u32 = 2276;
    pub const ANYARRAY: u32 = 2277;
    pub const VOID: u32 = 2278;
    pub const TRIGGER: u32 = 2279;
    pub const LANGUAGE_HANDLER: u32 = 2280;
    pub const INTERNAL: u32 = 2281;
    pub const ANYELEMENT: u32 = 2283;
    pub const RECORD_ARRAY: u32 = 2287;
    pub const ANYNONARRAY: u32 = 2776;
    pub const TXID_SNAPSHOT_ARRAY: u32 = 2949;
    pub const UUID: u32 = 2950;
    pub const UUID_ARRAY: u32 = 2951;
    pub const TXID_SNAPSHOT: u32 = 2970;
    pub const FDW_HANDLER: u32 = 3115;
    pub const PG_LSN: u32 = 3220;
    pub const PG_LSN_ARRAY: u32 = 3221;
    pub const TSM_HANDLER: u32 = 3310;
    pub const PG_NDISTINCT: u32 = 3361;
    pub const PG_DEPENDENCIES: u32 = 3402;
    pub const ANYENUM: u32 = 3500;
    pub const TSVECTOR: u32 = 3614;
    pub const TSQUERY: u32 = 3615;
    pub const GTSVECTOR: u32 = 3642;
    pub const TSVECTOR_ARRAY: u32 = 3643;
    pub const GTSVECTOR_ARRAY: u32 = 3644;
    pub const TSQUERY_ARRAY: u32 = 3645;
    pub const REGCONFIG: u32 = 3734;
    pub const REGCONFIG_ARRAY: u32 = 3735;
    pub const REGDICTIONARY: u32 = 3769;
    pub const REGDICTIONARY_ARRAY: u32 = 3770;
    pub const JSONB: u32 = 3802;
    pub const JSONB_ARRAY: u32 = 3807;
    pub const ANYRANGE: u32 = 3831;
    pub const EVENT_TRIGGER: u32 = 3838;
    pub const INT4RANGE: u32 = 3904;
    pub const INT4RANGE_ARRAY: u32 = 3905;
    pub const NUMRANGE: u32 = 3906;
    pub const NUMRANGE_ARRAY: u32 = 3907;
    pub const TSRANGE: u32 = 3908;
    pub const TSRANGE_ARRAY: u32 = 3909;
    pub const TSTZRANGE: u32 = 3910;
    pub const TSTZRANGE_ARRAY: u32 = 3911;
    pub const DATERANGE: u32 = 3912;
    pub const DATERANGE_ARRAY: u32 = 3913;
    pub const INT8RANGE: u32 = 3926;
    pub const INT8RANGE_ARRAY: u32 = 3927;
    pub const JSONPATH: u32 = 4072;
    pub const JSONPATH_ARRAY: u32 = 4073;
    pub const REGNAMESPACE: u32 = 4089;
    pub const REGNAMESPACE_ARRAY: u32 = 4090;
    pub const REGROLE: u32 = 4096;
    pub const REGROLE_ARRAY: u32 = 4097;
    pub const REGCOLLATION: u32 = 4191;
    pub const REGCOLLATION_ARRAY: u32 = 4192;
    pub const INT4MULTIRANGE: u32 = 4451;
    pub const NUMMULTIRANGE: u32 = 4532;
    pub const TSMULTIRANGE: u32 = 4533;
    pub const TSTZMULTIRANGE: u32 = 4534;
    pub const DATEMULTIRANGE: u32 = 4535;
    pub const INT8MULTIRANGE: u32 = 4536;
    pub const ANYMULTIRANGE: u32 = 4537;
    pub const ANYCOMPATIBLEMULTIRANGE: u32 = 4538;
    pub const PG_BRIN_BLOOM_SUMMARY: u32 = 4600;
    pub const PG_BRIN_MINMAX_MULTI_SUMMARY: u32 = 4601;
    pub const PG_MCV_LIST: u32 = 5017;
    pub const PG_SNAPSHOT: u32 = 5038;
    pub const PG_SNAPSHOT_ARRAY: u32 = 5039;
    pub const XID8: u32 = 5069;
    pub const ANYCOMPATIBLE: u32 = 5077;
    pub const ANYCOMPATIBLEARRAY: u32 = 5078;
    pub const ANYCOMPATIBLENONARRAY: u32 = 5079;
    pub const ANYCOMPATIBLERANGE: u32 = 5080;
    pub const INT4MULTIRANGE_ARRAY: u32 = 6150;
    pub const NUMMULTIRANGE_ARRAY: u32 = 6151;
    pub const TSMULTIRANGE_ARRAY: u32 = 6152;
    pub const TSTZMULTIRANGE_ARRAY: u32 = 6153;
    pub const DATEMULTIRANGE_ARRAY: u32 = 6155;
    pub const INT8MULTIRANGE_ARRAY: u32 = 6157;
}
pub use consts::*;

/// Every built-in type that is not a row type, ordered by OID.
#[rustfmt::skip]
pub static TYPES: &[TypeInfo] = &[
    TypeInfo { oid: 16, name: "bool", len: 1, by_val: true, align: 'c', category: 'B', preferred: true, delim: ',', elem: 0, array_oid: 1000, collation: 0, typtype: 'b', storage: 'p', input: "boolin", output: "boolout", receive: "boolrecv", send: "boolsend", modin: "-", modout: "-", subscript: "-", shown: "boolean" },
    TypeInfo { oid: 17, name: "bytea", len: -1, by_val: false, align: 'i', category: 'U', preferred: false, delim: ',', elem: 0, array_oid: 1001, collation: 0, typtype: 'b', storage: 'x', input: "byteain", output: "byteaout", receive: "bytearecv", send: "byteasend", modin: "-", modout: "-", subscript: "-", shown: "bytea" },
    TypeInfo { oid: 18, name: "char", len: 1, by_val: true, align: 'c', category: 'Z', preferred: false, delim: ',', elem: 0, array_oid: 1002, collation: 0, typtype: 'b', storage: 'p', input: "charin", output: "charout", receive: "charrecv", send: "charsend", modin: "-", modout: "-", subscript: "-", shown: "\"char\"" },
    TypeInfo { oid: 19, name: "name", len: 64, by_val: false, align: 'c', category: 'S', preferred: false, delim: ',', elem: 18, array_oid: 1003, collation: 950, typtype: 'b', storage: 'p', input: "namein", output: "nameout", receive: "namerecv", send: "namesend", modin: "-", modout: "-", subscript: "raw_array_subscript_handler", shown: "name" },
    TypeInfo { oid: 20, name: "int8", len: 8, by_val: true, align: 'd', category: 'N', preferred: false, delim: ',', elem: 0, array_oid: 1016, collation: 0, typtype: 'b', storage: 'p', input: "int8in", output: "int8out", receive: "int8recv", send: "int8send", modin: "-", modout: "-", subscript: "-", shown: "bigint" },
    TypeInfo { oid: 21, name: "int2", len: 2, by_val: true, align: 's', category: 'N', preferred: false, delim: ',', elem: 0, array_oid: 1005, collation: 0, typtype: 'b', storage: 'p', input: "int2in", output: "int2out", receive: "int2recv", send: "int2send", modin: "-", modout: "-", subscript: "-", shown: "smallint" },
    TypeInfo { oid: 22, name: "int2vector", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 21, array_oid: 1006, collation: 0, typtype: 'b', storage: 'p', input: "int2vectorin", output: "int2vectorout", receive: "int2vectorrecv", send: "int2vectorsend", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "int2vector" },
    TypeInfo { oid: 23, name: "int4", len: 4, by_val: true, align: 'i', category: 'N', preferred: false, delim: ',', elem: 0, array_oid: 1007, collation: 0, typtype: 'b', storage: 'p', input: "int4in", output: "int4out", receive: "int4recv", send: "int4send", modin: "-", modout: "-", subscript: "-", shown: "integer" },
    TypeInfo { oid: 24, name: "regproc", len: 4, by_val: true, align: 'i', category: 'N', preferred: false, delim: ',', elem: 0, array_oid: 1008, collation: 0, typtype: 'b', storage: 'p', input: "regprocin", output: "regprocout", receive: "regprocrecv", send: "regprocsend", modin: "-", modout: "-", subscript: "-", shown: "regproc" },
    TypeInfo { oid: 25, name: "text", len: -1, by_val: false, align: 'i', category: 'S', preferred: true, delim: ',', elem: 0, array_oid: 1009, collation: 100, typtype: 'b', storage: 'x', input: "textin", output: "textout", receive: "textrecv", send: "textsend", modin: "-", modout: "-", subscript: "-", shown: "text" },
    TypeInfo { oid: 26, name: "oid", len: 4, by_val: true, align: 'i', category: 'N', preferred: true, delim: ',', elem: 0, array_oid: 1028, collation: 0, typtype: 'b', storage: 'p', input: "oidin", output: "oidout", receive: "oidrecv", send: "oidsend", modin: "-", modout: "-", subscript: "-", shown: "oid" },
    TypeInfo { oid: 27, name: "tid", len: 6, by_val: false, align: 's', category: 'U', preferred: false, delim: ',', elem: 0, array_oid: 1010, collation: 0, typtype: 'b', storage: 'p', input: "tidin", output: "tidout", receive: "tidrecv", send: "tidsend", modin: "-", modout: "-", subscript: "-", shown: "tid" },
    TypeInfo { oid: 28, name: "xid", len: 4, by_val: true, align: 'i', category: 'U', preferred: false, delim: ',', elem: 0, array_oid: 1011, collation: 0, typtype: 'b', storage: 'p', input: "xidin", output: "xidout", receive: "xidrecv", send: "xidsend", modin: "-", modout: "-", subscript: "-", shown: "xid" },
    TypeInfo { oid: 29, name: "cid", len: 4, by_val: true, align: 'i', category: 'U', preferred: false, delim: ',', elem: 0, array_oid: 1012, collation: 0, typtype: 'b', storage: 'p', input: "cidin", output: "cidout", receive: "cidrecv", send: "cidsend", modin: "-", modout: "-", subscript: "-", shown: "cid" },
    TypeInfo { oid: 30, name: "oidvector", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 26, array_oid: 1013, collation: 0, typtype: 'b', storage: 'p', input: "oidvectorin", output: "oidvectorout", receive: "oidvectorrecv", send: "oidvectorsend", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "oidvector" },
    TypeInfo { oid: 32, name: "pg_ddl_command", len: 8, by_val: true, align: 'd', category: 'P', preferred: false, delim: ',', elem: 0, array_oid: 0, collation: 0, typtype: 'p', storage: 'p', input: "pg_ddl_command_in", output: "pg_ddl_command_out", receive: "pg_ddl_command_recv", send: "pg_ddl_command_send", modin: "-", modout: "-", subscript: "-", shown: "pg_ddl_command" },
    TypeInfo { oid: 114, name: "json", len: -1, by_val: false, align: 'i', category: 'U', preferred: false, delim: ',', elem: 0, array_oid: 199, collation: 0, typtype: 'b', storage: 'x', input: "json_in", output: "json_out", receive: "json_recv", send: "json_send", modin: "-", modout: "-", subscript: "-", shown: "json" },
    TypeInfo { oid: 142, name: "xml", len: -1, by_val: false, align: 'i', category: 'U', preferred: false, delim: ',', elem: 0, array_oid: 143, collation: 0, typtype: 'b', storage: 'x', input: "xml_in", output: "xml_out", receive: "xml_recv", send: "xml_send", modin: "-", modout: "-", subscript: "-", shown: "xml" },
    TypeInfo { oid: 143, name: "_xml", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 142, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "xml[]" },
    TypeInfo { oid: 194, name: "pg_node_tree", len: -1, by_val: false, align: 'i', category: 'Z', preferred: false, delim: ',', elem: 0, array_oid: 0, collation: 100, typtype: 'b', storage: 'x', input: "pg_node_tree_in", output: "pg_node_tree_out", receive: "pg_node_tree_recv", send: "pg_node_tree_send", modin: "-", modout: "-", subscript: "-", shown: "pg_node_tree" },
    TypeInfo { oid: 199, name: "_json", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 114, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "json[]" },
    TypeInfo { oid: 269, name: "table_am_handler", len: 4, by_val: true, align: 'i', category: 'P', preferred: false, delim: ',', elem: 0, array_oid: 0, collation: 0, typtype: 'p', storage: 'p', input: "table_am_handler_in", output: "table_am_handler_out", receive: "-", send: "-", modin: "-", modout: "-", subscript: "-", shown: "table_am_handler" },
    TypeInfo { oid: 271, name: "_xid8", len: -1, by_val: false, align: 'd', category: 'A', preferred: false, delim: ',', elem: 5069, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "xid8[]" },
    TypeInfo { oid: 325, name: "index_am_handler", len: 4, by_val: true, align: 'i', category: 'P', preferred: false, delim: ',', elem: 0, array_oid: 0, collation: 0, typtype: 'p', storage: 'p', input: "index_am_handler_in", output: "index_am_handler_out", receive: "-", send: "-", modin: "-", modout: "-", subscript: "-", shown: "index_am_handler" },
    TypeInfo { oid: 600, name: "point", len: 16, by_val: false, align: 'd', category: 'G', preferred: false, delim: ',', elem: 701, array_oid: 1017, collation: 0, typtype: 'b', storage: 'p', input: "point_in", output: "point_out", receive: "point_recv", send: "point_send", modin: "-", modout: "-", subscript: "raw_array_subscript_handler", shown: "point" },
    TypeInfo { oid: 601, name: "lseg", len: 32, by_val: false, align: 'd', category: 'G', preferred: false, delim: ',', elem: 600, array_oid: 1018, collation: 0, typtype: 'b', storage: 'p', input: "lseg_in", output: "lseg_out", receive: "lseg_recv", send: "lseg_send", modin: "-", modout: "-", subscript: "raw_array_subscript_handler", shown: "lseg" },
    TypeInfo { oid: 602, name: "path", len: -1, by_val: false, align: 'd', category: 'G', preferred: false, delim: ',', elem: 0, array_oid: 1019, collation: 0, typtype: 'b', storage: 'x', input: "path_in", output: "path_out", receive: "path_recv", send: "path_send", modin: "-", modout: "-", subscript: "-", shown: "path" },
    TypeInfo { oid: 603, name: "box", len: 32, by_val: false, align: 'd', category: 'G', preferred: false, delim: ';', elem: 600, array_oid: 1020, collation: 0, typtype: 'b', storage: 'p', input: "box_in", output: "box_out", receive: "box_recv", send: "box_send", modin: "-", modout: "-", subscript: "raw_array_subscript_handler", shown: "box" },
    TypeInfo { oid: 604, name: "polygon", len: -1, by_val: false, align: 'd', category: 'G', preferred: false, delim: ',', elem: 0, array_oid: 1027, collation: 0, typtype: 'b', storage: 'x', input: "poly_in", output: "poly_out", receive: "poly_recv", send: "poly_send", modin: "-", modout: "-", subscript: "-", shown: "polygon" },
    TypeInfo { oid: 628, name: "line", len: 24, by_val: false, align: 'd', category: 'G', preferred: false, delim: ',', elem: 701, array_oid: 629, collation: 0, typtype: 'b', storage: 'p', input: "line_in", output: "line_out", receive: "line_recv", send: "line_send", modin: "-", modout: "-", subscript: "raw_array_subscript_handler", shown: "line" },
    TypeInfo { oid: 629, name: "_line", len: -1, by_val: false, align: 'd', category: 'A', preferred: false, delim: ',', elem: 628, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "line[]" },
    TypeInfo { oid: 650, name: "cidr", len: -1, by_val: false, align: 'i', category: 'I', preferred: false, delim: ',', elem: 0, array_oid: 651, collation: 0, typtype: 'b', storage: 'm', input: "cidr_in", output: "cidr_out", receive: "cidr_recv", send: "cidr_send", modin: "-", modout: "-", subscript: "-", shown: "cidr" },
    TypeInfo { oid: 651, name: "_cidr", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 650, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "cidr[]" },
    TypeInfo { oid: 700, name: "float4", len: 4, by_val: true, align: 'i', category: 'N', preferred: false, delim: ',', elem: 0, array_oid: 1021, collation: 0, typtype: 'b', storage: 'p', input: "float4in", output: "float4out", receive: "float4recv", send: "float4send", modin: "-", modout: "-", subscript: "-", shown: "real" },
    TypeInfo { oid: 701, name: "float8", len: 8, by_val: true, align: 'd', category: 'N', preferred: true, delim: ',', elem: 0, array_oid: 1022, collation: 0, typtype: 'b', storage: 'p', input: "float8in", output: "float8out", receive: "float8recv", send: "float8send", modin: "-", modout: "-", subscript: "-", shown: "double precision" },
    TypeInfo { oid: 705, name: "unknown", len: -2, by_val: false, align: 'c', category: 'X', preferred: false, delim: ',', elem: 0, array_oid: 0, collation: 0, typtype: 'p', storage: 'p', input: "unknownin", output: "unknownout", receive: "unknownrecv", send: "unknownsend", modin: "-", modout: "-", subscript: "-", shown: "unknown" },
    TypeInfo { oid: 718, name: "circle", len: 24, by_val: false, align: 'd', category: 'G', preferred: false, delim: ',', elem: 0, array_oid: 719, collation: 0, typtype: 'b', storage: 'p', input: "circle_in", output: "circle_out", receive: "circle_recv", send: "circle_send", modin: "-", modout: "-", subscript: "-", shown: "circle" },
    TypeInfo { oid: 719, name: "_circle", len: -1, by_val: false, align: 'd', category: 'A', preferred: false, delim: ',', elem: 718, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "circle[]" },
    TypeInfo { oid: 774, name: "macaddr8", len: 8, by_val: false, align: 'i', category: 'U', preferred: false, delim: ',', elem: 0, array_oid: 775, collation: 0, typtype: 'b', storage: 'p', input: "macaddr8_in", output: "macaddr8_out", receive: "macaddr8_recv", send: "macaddr8_send", modin: "-", modout: "-", subscript: "-", shown: "macaddr8" },
    TypeInfo { oid: 775, name: "_macaddr8", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 774, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "macaddr8[]" },
    TypeInfo { oid: 790, name: "money", len: 8, by_val: true, align: 'd', category: 'N', preferred: false, delim: ',', elem: 0, array_oid: 791, collation: 0, typtype: 'b', storage: 'p', input: "cash_in", output: "cash_out", receive: "cash_recv", send: "cash_send", modin: "-", modout: "-", subscript: "-", shown: "money" },
    TypeInfo { oid: 791, name: "_money", len: -1, by_val: false, align: 'd', category: 'A', preferred: false, delim: ',', elem: 790, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "money[]" },
    TypeInfo { oid: 829, name: "macaddr", len: 6, by_val: false, align: 'i', category: 'U', preferred: false, delim: ',', elem: 0, array_oid: 1040, collation: 0, typtype: 'b', storage: 'p', input: "macaddr_in", output: "macaddr_out", receive: "macaddr_recv", send: "macaddr_send", modin: "-", modout: "-", subscript: "-", shown: "macaddr" },
    TypeInfo { oid: 869, name: "inet", len: -1, by_val: false, align: 'i', category: 'I', preferred: true, delim: ',', elem: 0, array_oid: 1041, collation: 0, typtype: 'b', storage: 'm', input: "inet_in", output: "inet_out", receive: "inet_recv", send: "inet_send", modin: "-", modout: "-", subscript: "-", shown: "inet" },
    TypeInfo { oid: 1000, name: "_bool", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 16, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "boolean[]" },
    TypeInfo { oid: 1001, name: "_bytea", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 17, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "bytea[]" },
    TypeInfo { oid: 1002, name: "_char", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 18, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "\"char\"[]" },
    TypeInfo { oid: 1003, name: "_name", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 19, array_oid: 0, collation: 950, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "name[]" },
    TypeInfo { oid: 1005, name: "_int2", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 21, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "smallint[]" },
    TypeInfo { oid: 1006, name: "_int2vector", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 22, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "int2vector[]" },
    TypeInfo { oid: 1007, name: "_int4", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 23, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "integer[]" },
    TypeInfo { oid: 1008, name: "_regproc", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 24, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "regproc[]" },
    TypeInfo { oid: 1009, name: "_text", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 25, array_oid: 0, collation: 100, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "text[]" },
    TypeInfo { oid: 1010, name: "_tid", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 27, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "tid[]" },
    TypeInfo { oid: 1011, name: "_xid", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 28, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "xid[]" },
    TypeInfo { oid: 1012, name: "_cid", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 29, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "cid[]" },
    TypeInfo { oid: 1013, name: "_oidvector", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 30, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "oidvector[]" },
    TypeInfo { oid: 1014, name: "_bpchar", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 1042, array_oid: 0, collation: 100, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "bpchartypmodin", modout: "bpchartypmodout", subscript: "array_subscript_handler", shown: "character[]" },
    TypeInfo { oid: 1015, name: "_varchar", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 1043, array_oid: 0, collation: 100, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "varchartypmodin", modout: "varchartypmodout", subscript: "array_subscript_handler", shown: "character varying[]" },
    TypeInfo { oid: 1016, name: "_int8", len: -1, by_val: false, align: 'd', category: 'A', preferred: false, delim: ',', elem: 20, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "bigint[]" },
    TypeInfo { oid: 1017, name: "_point", len: -1, by_val: false, align: 'd', category: 'A', preferred: false, delim: ',', elem: 600, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "point[]" },
    TypeInfo { oid: 1018, name: "_lseg", len: -1, by_val: false, align: 'd', category: 'A', preferred: false, delim: ',', elem: 601, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "lseg[]" },
    TypeInfo { oid: 1019, name: "_path", len: -1, by_val: false, align: 'd', category: 'A', preferred: false, delim: ',', elem: 602, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "path[]" },
    TypeInfo { oid: 1020, name: "_box", len: -1, by_val: false, align: 'd', category: 'A', preferred: false, delim: ';', elem: 603, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "box[]" },
    TypeInfo { oid: 1021, name: "_float4", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 700, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "real[]" },
    TypeInfo { oid: 1022, name: "_float8", len: -1, by_val: false, align: 'd', category: 'A', preferred: false, delim: ',', elem: 701, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "double precision[]" },
    TypeInfo { oid: 1027, name: "_polygon", len: -1, by_val: false, align: 'd', category: 'A', preferred: false, delim: ',', elem: 604, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "polygon[]" },
    TypeInfo { oid: 1028, name: "_oid", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 26, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "oid[]" },
    TypeInfo { oid: 1033, name: "aclitem", len: 12, by_val: false, align: 'i', category: 'U', preferred: false, delim: ',', elem: 0, array_oid: 1034, collation: 0, typtype: 'b', storage: 'p', input: "aclitemin", output: "aclitemout", receive: "-", send: "-", modin: "-", modout: "-", subscript: "-", shown: "aclitem" },
    TypeInfo { oid: 1034, name: "_aclitem", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 1033, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "aclitem[]" },
    TypeInfo { oid: 1040, name: "_macaddr", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 829, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "macaddr[]" },
    TypeInfo { oid: 1041, name: "_inet", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 869, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "inet[]" },
    TypeInfo { oid: 1042, name: "bpchar", len: -1, by_val: false, align: 'i', category: 'S', preferred: false, delim: ',', elem: 0, array_oid: 1014, collation: 100, typtype: 'b', storage: 'x', input: "bpcharin", output: "bpcharout", receive: "bpcharrecv", send: "bpcharsend", modin: "bpchartypmodin", modout: "bpchartypmodout", subscript: "-", shown: "character" },
    TypeInfo { oid: 1043, name: "varchar", len: -1, by_val: false, align: 'i', category: 'S', preferred: false, delim: ',', elem: 0, array_oid: 1015, collation: 100, typtype: 'b', storage: 'x', input: "varcharin", output: "varcharout", receive: "varcharrecv", send: "varcharsend", modin: "varchartypmodin", modout: "varchartypmodout", subscript: "-", shown: "character varying" },
    TypeInfo { oid: 1082, name: "date", len: 4, by_val: true, align: 'i', category: 'D', preferred: false, delim: ',', elem: 0, array_oid: 1182, collation: 0, typtype: 'b', storage: 'p', input: "date_in", output: "date_out", receive: "date_recv", send: "date_send", modin: "-", modout: "-", subscript: "-", shown: "date" },
    TypeInfo { oid: 1083, name: "time", len: 8, by_val: true, align: 'd', category: 'D', preferred: false, delim: ',', elem: 0, array_oid: 1183, collation: 0, typtype: 'b', storage: 'p', input: "time_in", output: "time_out", receive: "time_recv", send: "time_send", modin: "timetypmodin", modout: "timetypmodout", subscript: "-", shown: "time without time zone" },
    TypeInfo { oid: 1114, name: "timestamp", len: 8, by_val: true, align: 'd', category: 'D', preferred: false, delim: ',', elem: 0, array_oid: 1115, collation: 0, typtype: 'b', storage: 'p', input: "timestamp_in", output: "timestamp_out", receive: "timestamp_recv", send: "timestamp_send", modin: "timestamptypmodin", modout: "timestamptypmodout", subscript: "-", shown: "timestamp without time zone" },
    TypeInfo { oid: 1115, name: "_timestamp", len: -1, by_val: false, align: 'd', category: 'A', preferred: false, delim: ',', elem: 1114, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "timestamptypmodin", modout: "timestamptypmodout", subscript: "array_subscript_handler", shown: "timestamp without time zone[]" },
    TypeInfo { oid: 1182, name: "_date", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 1082, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "date[]" },
    TypeInfo { oid: 1183, name: "_time", len: -1, by_val: false, align: 'd', category: 'A', preferred: false, delim: ',', elem: 1083, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "timetypmodin", modout: "timetypmodout", subscript: "array_subscript_handler", shown: "time without time zone[]" },
    TypeInfo { oid: 1184, name: "timestamptz", len: 8, by_val: true, align: 'd', category: 'D', preferred: true, delim: ',', elem: 0, array_oid: 1185, collation: 0, typtype: 'b', storage: 'p', input: "timestamptz_in", output: "timestamptz_out", receive: "timestamptz_recv", send: "timestamptz_send", modin: "timestamptztypmodin", modout: "timestamptztypmodout", subscript: "-", shown: "timestamp with time zone" },
    TypeInfo { oid: 1185, name: "_timestamptz", len: -1, by_val: false, align: 'd', category: 'A', preferred: false, delim: ',', elem: 1184, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "timestamptztypmodin", modout: "timestamptztypmodout", subscript: "array_subscript_handler", shown: "timestamp with time zone[]" },
    TypeInfo { oid: 1186, name: "interval", len: 16, by_val: false, align: 'd', category: 'T', preferred: true, delim: ',', elem: 0, array_oid: 1187, collation: 0, typtype: 'b', storage: 'p', input: "interval_in", output: "interval_out", receive: "interval_recv", send: "interval_send", modin: "intervaltypmodin", modout: "intervaltypmodout", subscript: "-", shown: "interval" },
    TypeInfo { oid: 1187, name: "_interval", len: -1, by_val: false, align: 'd', category: 'A', preferred: false, delim: ',', elem: 1186, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "intervaltypmodin", modout: "intervaltypmodout", subscript: "array_subscript_handler", shown: "interval[]" },
    TypeInfo { oid: 1231, name: "_numeric", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 1700, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "numerictypmodin", modout: "numerictypmodout", subscript: "array_subscript_handler", shown: "numeric[]" },
    TypeInfo { oid: 1263, name: "_cstring", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 2275, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "cstring[]" },
    TypeInfo { oid: 1266, name: "timetz", len: 12, by_val: false, align: 'd', category: 'D', preferred: false, delim: ',', elem: 0, array_oid: 1270, collation: 0, typtype: 'b', storage: 'p', input: "timetz_in", output: "timetz_out", receive: "timetz_recv", send: "timetz_send", modin: "timetztypmodin", modout: "timetztypmodout", subscript: "-", shown: "time with time zone" },
    TypeInfo { oid: 1270, name: "_timetz", len: -1, by_val: false, align: 'd', category: 'A', preferred: false, delim: ',', elem: 1266, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "timetztypmodin", modout: "timetztypmodout", subscript: "array_subscript_handler", shown: "time with time zone[]" },
    TypeInfo { oid: 1560, name: "bit", len: -1, by_val: false, align: 'i', category: 'V', preferred: false, delim: ',', elem: 0, array_oid: 1561, collation: 0, typtype: 'b', storage: 'x', input: "bit_in", output: "bit_out", receive: "bit_recv", send: "bit_send", modin: "bittypmodin", modout: "bittypmodout", subscript: "-", shown: "bit" },
    TypeInfo { oid: 1561, name: "_bit", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 1560, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "bittypmodin", modout: "bittypmodout", subscript: "array_subscript_handler", shown: "bit[]" },
    TypeInfo { oid: 1562, name: "varbit", len: -1, by_val: false, align: 'i', category: 'V', preferred: true, delim: ',', elem: 0, array_oid: 1563, collation: 0, typtype: 'b', storage: 'x', input: "varbit_in", output: "varbit_out", receive: "varbit_recv", send: "varbit_send", modin: "varbittypmodin", modout: "varbittypmodout", subscript: "-", shown: "bit varying" },
    TypeInfo { oid: 1563, name: "_varbit", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 1562, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "varbittypmodin", modout: "varbittypmodout", subscript: "array_subscript_handler", shown: "bit varying[]" },
    TypeInfo { oid: 1700, name: "numeric", len: -1, by_val: false, align: 'i', category: 'N', preferred: false, delim: ',', elem: 0, array_oid: 1231, collation: 0, typtype: 'b', storage: 'm', input: "numeric_in", output: "numeric_out", receive: "numeric_recv", send: "numeric_send", modin: "numerictypmodin", modout: "numerictypmodout", subscript: "-", shown: "numeric" },
    TypeInfo { oid: 1790, name: "refcursor", len: -1, by_val: false, align: 'i', category: 'U', preferred: false, delim: ',', elem: 0, array_oid: 2201, collation: 0, typtype: 'b', storage: 'x', input: "textin", output: "textout", receive: "textrecv", send: "textsend", modin: "-", modout: "-", subscript: "-", shown: "refcursor" },
    TypeInfo { oid: 2201, name: "_refcursor", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 1790, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "refcursor[]" },
    TypeInfo { oid: 2202, name: "regprocedure", len: 4, by_val: true, align: 'i', category: 'N', preferred: false, delim: ',', elem: 0, array_oid: 2207, collation: 0, typtype: 'b', storage: 'p', input: "regprocedurein", output: "regprocedureout", receive: "regprocedurerecv", send: "regproceduresend", modin: "-", modout: "-", subscript: "-", shown: "regprocedure" },
    TypeInfo { oid: 2203, name: "regoper", len: 4, by_val: true, align: 'i', category: 'N', preferred: false, delim: ',', elem: 0, array_oid: 2208, collation: 0, typtype: 'b', storage: 'p', input: "regoperin", output: "regoperout", receive: "regoperrecv", send: "regopersend", modin: "-", modout: "-", subscript: "-", shown: "regoper" },
    TypeInfo { oid: 2204, name: "regoperator", len: 4, by_val: true, align: 'i', category: 'N', preferred: false, delim: ',', elem: 0, array_oid: 2209, collation: 0, typtype: 'b', storage: 'p', input: "regoperatorin", output: "regoperatorout", receive: "regoperatorrecv", send: "regoperatorsend", modin: "-", modout: "-", subscript: "-", shown: "regoperator" },
    TypeInfo { oid: 2205, name: "regclass", len: 4, by_val: true, align: 'i', category: 'N', preferred: false, delim: ',', elem: 0, array_oid: 2210, collation: 0, typtype: 'b', storage: 'p', input: "regclassin", output: "regclassout", receive: "regclassrecv", send: "regclasssend", modin: "-", modout: "-", subscript: "-", shown: "regclass" },
    TypeInfo { oid: 2206, name: "regtype", len: 4, by_val: true, align: 'i', category: 'N', preferred: false, delim: ',', elem: 0, array_oid: 2211, collation: 0, typtype: 'b', storage: 'p', input: "regtypein", output: "regtypeout", receive: "regtyperecv", send: "regtypesend", modin: "-", modout: "-", subscript: "-", shown: "regtype" },
    TypeInfo { oid: 2207, name: "_regprocedure", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 2202, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "regprocedure[]" },
    TypeInfo { oid: 2208, name: "_regoper", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 2203, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "regoper[]" },
    TypeInfo { oid: 2209, name: "_regoperator", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 2204, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "regoperator[]" },
    TypeInfo { oid: 2210, name: "_regclass", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 2205, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "regclass[]" },
    TypeInfo { oid: 2211, name: "_regtype", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 2206, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "regtype[]" },
    TypeInfo { oid: 2249, name: "record", len: -1, by_val: false, align: 'd', category: 'P', preferred: false, delim: ',', elem: 0, array_oid: 2287, collation: 0, typtype: 'p', storage: 'x', input: "record_in", output: "record_out", receive: "record_recv", send: "record_send", modin: "-", modout: "-", subscript: "-", shown: "record" },
    TypeInfo { oid: 2275, name: "cstring", len: -2, by_val: false, align: 'c', category: 'P', preferred: false, delim: ',', elem: 0, array_oid: 1263, collation: 0, typtype: 'p', storage: 'p', input: "cstring_in", output: "cstring_out", receive: "cstring_recv", send: "cstring_send", modin: "-", modout: "-", subscript: "-", shown: "cstring" },
    TypeInfo { oid: 2276, name: "any", len: 4, by_val: true, align: 'i', category: 'P', preferred: false, delim: ',', elem: 0, array_oid: 0, collation: 0, typtype: 'p', storage: 'p', input: "any_in", output: "any_out", receive: "-", send: "-", modin: "-", modout: "-", subscript: "-", shown: "\"any\"" },
    TypeInfo { oid: 2277, name: "anyarray", len: -1, by_val: false, align: 'd', category: 'P', preferred: false, delim: ',', elem: 0, array_oid: 0, collation: 0, typtype: 'p', storage: 'x', input: "anyarray_in", output: "anyarray_out", receive: "anyarray_recv", send: "anyarray_send", modin: "-", modout: "-", subscript: "-", shown: "anyarray" },
    TypeInfo { oid: 2278, name: "void", len: 4, by_val: true, align: 'i', category: 'P', preferred: false, delim: ',', elem: 0, array_oid: 0, collation: 0, typtype: 'p', storage: 'p', input: "void_in", output: "void_out", receive: "void_recv", send: "void_send", modin: "-", modout: "-", subscript: "-", shown: "void" },
    TypeInfo { oid: 2279, name: "trigger", len: 4, by_val: true, align: 'i', category: 'P', preferred: false, delim: ',', elem: 0, array_oid: 0, collation: 0, typtype: 'p', storage: 'p', input: "trigger_in", output: "trigger_out", receive: "-", send: "-", modin: "-", modout: "-", subscript: "-", shown: "trigger" },
    TypeInfo { oid: 2280, name: "language_handler", len: 4, by_val: true, align: 'i', category: 'P', preferred: false, delim: ',', elem: 0, array_oid: 0, collation: 0, typtype: 'p', storage: 'p', input: "language_handler_in", output: "language_handler_out", receive: "-", send: "-", modin: "-", modout: "-", subscript: "-", shown: "language_handler" },
    TypeInfo { oid: 2281, name: "internal", len: 8, by_val: true, align: 'd', category: 'P', preferred: false, delim: ',', elem: 0, array_oid: 0, collation: 0, typtype: 'p', storage: 'p', input: "internal_in", output: "internal_out", receive: "-", send: "-", modin: "-", modout: "-", subscript: "-", shown: "internal" },
    TypeInfo { oid: 2283, name: "anyelement", len: 4, by_val: true, align: 'i', category: 'P', preferred: false, delim: ',', elem: 0, array_oid: 0, collation: 0, typtype: 'p', storage: 'p', input: "anyelement_in", output: "anyelement_out", receive: "-", send: "-", modin: "-", modout: "-", subscript: "-", shown: "anyelement" },
    TypeInfo { oid: 2287, name: "_record", len: -1, by_val: false, align: 'd', category: 'P', preferred: false, delim: ',', elem: 2249, array_oid: 0, collation: 0, typtype: 'p', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "record[]" },
    TypeInfo { oid: 2776, name: "anynonarray", len: 4, by_val: true, align: 'i', category: 'P', preferred: false, delim: ',', elem: 0, array_oid: 0, collation: 0, typtype: 'p', storage: 'p', input: "anynonarray_in", output: "anynonarray_out", receive: "-", send: "-", modin: "-", modout: "-", subscript: "-", shown: "anynonarray" },
    TypeInfo { oid: 2949, name: "_txid_snapshot", len: -1, by_val: false, align: 'd', category: 'A', preferred: false, delim: ',', elem: 2970, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "txid_snapshot[]" },
    TypeInfo { oid: 2950, name: "uuid", len: 16, by_val: false, align: 'c', category: 'U', preferred: false, delim: ',', elem: 0, array_oid: 2951, collation: 0, typtype: 'b', storage: 'p', input: "uuid_in", output: "uuid_out", receive: "uuid_recv", send: "uuid_send", modin: "-", modout: "-", subscript: "-", shown: "uuid" },
    TypeInfo { oid: 2951, name: "_uuid", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 2950, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "uuid[]" },
    TypeInfo { oid: 2970, name: "txid_snapshot", len: -1, by_val: false, align: 'd', category: 'U', preferred: false, delim: ',', elem: 0, array_oid: 2949, collation: 0, typtype: 'b', storage: 'x', input: "txid_snapshot_in", output: "txid_snapshot_out", receive: "txid_snapshot_recv", send: "txid_snapshot_send", modin: "-", modout: "-", subscript: "-", shown: "txid_snapshot" },
    TypeInfo { oid: 3115, name: "fdw_handler", len: 4, by_val: true, align: 'i', category: 'P', preferred: false, delim: ',', elem: 0, array_oid: 0, collation: 0, typtype: 'p', storage: 'p', input: "fdw_handler_in", output: "fdw_handler_out", receive: "-", send: "-", modin: "-", modout: "-", subscript: "-", shown: "fdw_handler" },
    TypeInfo { oid: 3220, name: "pg_lsn", len: 8, by_val: true, align: 'd', category: 'U', preferred: false, delim: ',', elem: 0, array_oid: 3221, collation: 0, typtype: 'b', storage: 'p', input: "pg_lsn_in", output: "pg_lsn_out", receive: "pg_lsn_recv", send: "pg_lsn_send", modin: "-", modout: "-", subscript: "-", shown: "pg_lsn" },
    TypeInfo { oid: 3221, name: "_pg_lsn", len: -1, by_val: false, align: 'd', category: 'A', preferred: false, delim: ',', elem: 3220, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "pg_lsn[]" },
    TypeInfo { oid: 3310, name: "tsm_handler", len: 4, by_val: true, align: 'i', category: 'P', preferred: false, delim: ',', elem: 0, array_oid: 0, collation: 0, typtype: 'p', storage: 'p', input: "tsm_handler_in", output: "tsm_handler_out", receive: "-", send: "-", modin: "-", modout: "-", subscript: "-", shown: "tsm_handler" },
    TypeInfo { oid: 3361, name: "pg_ndistinct", len: -1, by_val: false, align: 'i', category: 'Z', preferred: false, delim: ',', elem: 0, array_oid: 0, collation: 100, typtype: 'b', storage: 'x', input: "pg_ndistinct_in", output: "pg_ndistinct_out", receive: "pg_ndistinct_recv", send: "pg_ndistinct_send", modin: "-", modout: "-", subscript: "-", shown: "pg_ndistinct" },
    TypeInfo { oid: 3402, name: "pg_dependencies", len: -1, by_val: false, align: 'i', category: 'Z', preferred: false, delim: ',', elem: 0, array_oid: 0, collation: 100, typtype: 'b', storage: 'x', input: "pg_dependencies_in", output: "pg_dependencies_out", receive: "pg_dependencies_recv", send: "pg_dependencies_send", modin: "-", modout: "-", subscript: "-", shown: "pg_dependencies" },
    TypeInfo { oid: 3500, name: "anyenum", len: 4, by_val: true, align: 'i', category: 'P', preferred: false, delim: ',', elem: 0, array_oid: 0, collation: 0, typtype: 'p', storage: 'p', input: "anyenum_in", output: "anyenum_out", receive: "-", send: "-", modin: "-", modout: "-", subscript: "-", shown: "anyenum" },
    TypeInfo { oid: 3614, name: "tsvector", len: -1, by_val: false, align: 'i', category: 'U', preferred: false, delim: ',', elem: 0, array_oid: 3643, collation: 0, typtype: 'b', storage: 'x', input: "tsvectorin", output: "tsvectorout", receive: "tsvectorrecv", send: "tsvectorsend", modin: "-", modout: "-", subscript: "-", shown: "tsvector" },
    TypeInfo { oid: 3615, name: "tsquery", len: -1, by_val: false, align: 'i', category: 'U', preferred: false, delim: ',', elem: 0, array_oid: 3645, collation: 0, typtype: 'b', storage: 'p', input: "tsqueryin", output: "tsqueryout", receive: "tsqueryrecv", send: "tsquerysend", modin: "-", modout: "-", subscript: "-", shown: "tsquery" },
    TypeInfo { oid: 3642, name: "gtsvector", len: -1, by_val: false, align: 'i', category: 'U', preferred: false, delim: ',', elem: 0, array_oid: 3644, collation: 0, typtype: 'b', storage: 'p', input: "gtsvectorin", output: "gtsvectorout", receive: "-", send: "-", modin: "-", modout: "-", subscript: "-", shown: "gtsvector" },
    TypeInfo { oid: 3643, name: "_tsvector", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 3614, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "tsvector[]" },
    TypeInfo { oid: 3644, name: "_gtsvector", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 3642, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "gtsvector[]" },
    TypeInfo { oid: 3645, name: "_tsquery", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 3615, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "tsquery[]" },
    TypeInfo { oid: 3734, name: "regconfig", len: 4, by_val: true, align: 'i', category: 'N', preferred: false, delim: ',', elem: 0, array_oid: 3735, collation: 0, typtype: 'b', storage: 'p', input: "regconfigin", output: "regconfigout", receive: "regconfigrecv", send: "regconfigsend", modin: "-", modout: "-", subscript: "-", shown: "regconfig" },
    TypeInfo { oid: 3735, name: "_regconfig", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 3734, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "regconfig[]" },
    TypeInfo { oid: 3769, name: "regdictionary", len: 4, by_val: true, align: 'i', category: 'N', preferred: false, delim: ',', elem: 0, array_oid: 3770, collation: 0, typtype: 'b', storage: 'p', input: "regdictionaryin", output: "regdictionaryout", receive: "regdictionaryrecv", send: "regdictionarysend", modin: "-", modout: "-", subscript: "-", shown: "regdictionary" },
    TypeInfo { oid: 3770, name: "_regdictionary", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 3769, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "regdictionary[]" },
    TypeInfo { oid: 3802, name: "jsonb", len: -1, by_val: false, align: 'i', category: 'U', preferred: false, delim: ',', elem: 0, array_oid: 3807, collation: 0, typtype: 'b', storage: 'x', input: "jsonb_in", output: "jsonb_out", receive: "jsonb_recv", send: "jsonb_send", modin: "-", modout: "-", subscript: "jsonb_subscript_handler", shown: "jsonb" },
    TypeInfo { oid: 3807, name: "_jsonb", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 3802, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "jsonb[]" },
    TypeInfo { oid: 3831, name: "anyrange", len: -1, by_val: false, align: 'd', category: 'P', preferred: false, delim: ',', elem: 0, array_oid: 0, collation: 0, typtype: 'p', storage: 'x', input: "anyrange_in", output: "anyrange_out", receive: "-", send: "-", modin: "-", modout: "-", subscript: "-", shown: "anyrange" },
    TypeInfo { oid: 3838, name: "event_trigger", len: 4, by_val: true, align: 'i', category: 'P', preferred: false, delim: ',', elem: 0, array_oid: 0, collation: 0, typtype: 'p', storage: 'p', input: "event_trigger_in", output: "event_trigger_out", receive: "-", send: "-", modin: "-", modout: "-", subscript: "-", shown: "event_trigger" },
    TypeInfo { oid: 3904, name: "int4range", len: -1, by_val: false, align: 'i', category: 'R', preferred: false, delim: ',', elem: 0, array_oid: 3905, collation: 0, typtype: 'r', storage: 'x', input: "range_in", output: "range_out", receive: "range_recv", send: "range_send", modin: "-", modout: "-", subscript: "-", shown: "int4range" },
    TypeInfo { oid: 3905, name: "_int4range", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 3904, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "int4range[]" },
    TypeInfo { oid: 3906, name: "numrange", len: -1, by_val: false, align: 'i', category: 'R', preferred: false, delim: ',', elem: 0, array_oid: 3907, collation: 0, typtype: 'r', storage: 'x', input: "range_in", output: "range_out", receive: "range_recv", send: "range_send", modin: "-", modout: "-", subscript: "-", shown: "numrange" },
    TypeInfo { oid: 3907, name: "_numrange", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 3906, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "numrange[]" },
    TypeInfo { oid: 3908, name: "tsrange", len: -1, by_val: false, align: 'd', category: 'R', preferred: false, delim: ',', elem: 0, array_oid: 3909, collation: 0, typtype: 'r', storage: 'x', input: "range_in", output: "range_out", receive: "range_recv", send: "range_send", modin: "-", modout: "-", subscript: "-", shown: "tsrange" },
    TypeInfo { oid: 3909, name: "_tsrange", len: -1, by_val: false, align: 'd', category: 'A', preferred: false, delim: ',', elem: 3908, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "tsrange[]" },
    TypeInfo { oid: 3910, name: "tstzrange", len: -1, by_val: false, align: 'd', category: 'R', preferred: false, delim: ',', elem: 0, array_oid: 3911, collation: 0, typtype: 'r', storage: 'x', input: "range_in", output: "range_out", receive: "range_recv", send: "range_send", modin: "-", modout: "-", subscript: "-", shown: "tstzrange" },
    TypeInfo { oid: 3911, name: "_tstzrange", len: -1, by_val: false, align: 'd', category: 'A', preferred: false, delim: ',', elem: 3910, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "tstzrange[]" },
    TypeInfo { oid: 3912, name: "daterange", len: -1, by_val: false, align: 'i', category: 'R', preferred: false, delim: ',', elem: 0, array_oid: 3913, collation: 0, typtype: 'r', storage: 'x', input: "range_in", output: "range_out", receive: "range_recv", send: "range_send", modin: "-", modout: "-", subscript: "-", shown: "daterange" },
    TypeInfo { oid: 3913, name: "_daterange", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 3912, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "daterange[]" },
    TypeInfo { oid: 3926, name: "int8range", len: -1, by_val: false, align: 'd', category: 'R', preferred: false, delim: ',', elem: 0, array_oid: 3927, collation: 0, typtype: 'r', storage: 'x', input: "range_in", output: "range_out", receive: "range_recv", send: "range_send", modin: "-", modout: "-", subscript: "-", shown: "int8range" },
    TypeInfo { oid: 3927, name: "_int8range", len: -1, by_val: false, align: 'd', category: 'A', preferred: false, delim: ',', elem: 3926, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "int8range[]" },
    TypeInfo { oid: 4072, name: "jsonpath", len: -1, by_val: false, align: 'i', category: 'U', preferred: false, delim: ',', elem: 0, array_oid: 4073, collation: 0, typtype: 'b', storage: 'x', input: "jsonpath_in", output: "jsonpath_out", receive: "jsonpath_recv", send: "jsonpath_send", modin: "-", modout: "-", subscript: "-", shown: "jsonpath" },
    TypeInfo { oid: 4073, name: "_jsonpath", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 4072, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "jsonpath[]" },
    TypeInfo { oid: 4089, name: "regnamespace", len: 4, by_val: true, align: 'i', category: 'N', preferred: false, delim: ',', elem: 0, array_oid: 4090, collation: 0, typtype: 'b', storage: 'p', input: "regnamespacein", output: "regnamespaceout", receive: "regnamespacerecv", send: "regnamespacesend", modin: "-", modout: "-", subscript: "-", shown: "regnamespace" },
    TypeInfo { oid: 4090, name: "_regnamespace", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 4089, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "regnamespace[]" },
    TypeInfo { oid: 4096, name: "regrole", len: 4, by_val: true, align: 'i', category: 'N', preferred: false, delim: ',', elem: 0, array_oid: 4097, collation: 0, typtype: 'b', storage: 'p', input: "regrolein", output: "regroleout", receive: "regrolerecv", send: "regrolesend", modin: "-", modout: "-", subscript: "-", shown: "regrole" },
    TypeInfo { oid: 4097, name: "_regrole", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 4096, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "regrole[]" },
    TypeInfo { oid: 4191, name: "regcollation", len: 4, by_val: true, align: 'i', category: 'N', preferred: false, delim: ',', elem: 0, array_oid: 4192, collation: 0, typtype: 'b', storage: 'p', input: "regcollationin", output: "regcollationout", receive: "regcollationrecv", send: "regcollationsend", modin: "-", modout: "-", subscript: "-", shown: "regcollation" },
    TypeInfo { oid: 4192, name: "_regcollation", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 4191, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "regcollation[]" },
    TypeInfo { oid: 4451, name: "int4multirange", len: -1, by_val: false, align: 'i', category: 'R', preferred: false, delim: ',', elem: 0, array_oid: 6150, collation: 0, typtype: 'm', storage: 'x', input: "multirange_in", output: "multirange_out", receive: "multirange_recv", send: "multirange_send", modin: "-", modout: "-", subscript: "-", shown: "int4multirange" },
    TypeInfo { oid: 4532, name: "nummultirange", len: -1, by_val: false, align: 'i', category: 'R', preferred: false, delim: ',', elem: 0, array_oid: 6151, collation: 0, typtype: 'm', storage: 'x', input: "multirange_in", output: "multirange_out", receive: "multirange_recv", send: "multirange_send", modin: "-", modout: "-", subscript: "-", shown: "nummultirange" },
    TypeInfo { oid: 4533, name: "tsmultirange", len: -1, by_val: false, align: 'd', category: 'R', preferred: false, delim: ',', elem: 0, array_oid: 6152, collation: 0, typtype: 'm', storage: 'x', input: "multirange_in", output: "multirange_out", receive: "multirange_recv", send: "multirange_send", modin: "-", modout: "-", subscript: "-", shown: "tsmultirange" },
    TypeInfo { oid: 4534, name: "tstzmultirange", len: -1, by_val: false, align: 'd', category: 'R', preferred: false, delim: ',', elem: 0, array_oid: 6153, collation: 0, typtype: 'm', storage: 'x', input: "multirange_in", output: "multirange_out", receive: "multirange_recv", send: "multirange_send", modin: "-", modout: "-", subscript: "-", shown: "tstzmultirange" },
    TypeInfo { oid: 4535, name: "datemultirange", len: -1, by_val: false, align: 'i', category: 'R', preferred: false, delim: ',', elem: 0, array_oid: 6155, collation: 0, typtype: 'm', storage: 'x', input: "multirange_in", output: "multirange_out", receive: "multirange_recv", send: "multirange_send", modin: "-", modout: "-", subscript: "-", shown: "datemultirange" },
    TypeInfo { oid: 4536, name: "int8multirange", len: -1, by_val: false, align: 'd', category: 'R', preferred: false, delim: ',', elem: 0, array_oid: 6157, collation: 0, typtype: 'm', storage: 'x', input: "multirange_in", output: "multirange_out", receive: "multirange_recv", send: "multirange_send", modin: "-", modout: "-", subscript: "-", shown: "int8multirange" },
    TypeInfo { oid: 4537, name: "anymultirange", len: -1, by_val: false, align: 'd', category: 'P', preferred: false, delim: ',', elem: 0, array_oid: 0, collation: 0, typtype: 'p', storage: 'x', input: "anymultirange_in", output: "anymultirange_out", receive: "-", send: "-", modin: "-", modout: "-", subscript: "-", shown: "anymultirange" },
    TypeInfo { oid: 4538, name: "anycompatiblemultirange", len: -1, by_val: false, align: 'd', category: 'P', preferred: false, delim: ',', elem: 0, array_oid: 0, collation: 0, typtype: 'p', storage: 'x', input: "anycompatiblemultirange_in", output: "anycompatiblemultirange_out", receive: "-", send: "-", modin: "-", modout: "-", subscript: "-", shown: "anycompatiblemultirange" },
    TypeInfo { oid: 4600, name: "pg_brin_bloom_summary", len: -1, by_val: false, align: 'i', category: 'Z', preferred: false, delim: ',', elem: 0, array_oid: 0, collation: 100, typtype: 'b', storage: 'x', input: "brin_bloom_summary_in", output: "brin_bloom_summary_out", receive: "brin_bloom_summary_recv", send: "brin_bloom_summary_send", modin: "-", modout: "-", subscript: "-", shown: "pg_brin_bloom_summary" },
    TypeInfo { oid: 4601, name: "pg_brin_minmax_multi_summary", len: -1, by_val: false, align: 'i', category: 'Z', preferred: false, delim: ',', elem: 0, array_oid: 0, collation: 100, typtype: 'b', storage: 'x', input: "brin_minmax_multi_summary_in", output: "brin_minmax_multi_summary_out", receive: "brin_minmax_multi_summary_recv", send: "brin_minmax_multi_summary_send", modin: "-", modout: "-", subscript: "-", shown: "pg_brin_minmax_multi_summary" },
    TypeInfo { oid: 5017, name: "pg_mcv_list", len: -1, by_val: false, align: 'i', category: 'Z', preferred: false, delim: ',', elem: 0, array_oid: 0, collation: 100, typtype: 'b', storage: 'x', input: "pg_mcv_list_in", output: "pg_mcv_list_out", receive: "pg_mcv_list_recv", send: "pg_mcv_list_send", modin: "-", modout: "-", subscript: "-", shown: "pg_mcv_list" },
    TypeInfo { oid: 5038, name: "pg_snapshot", len: -1, by_val: false, align: 'd', category: 'U', preferred: false, delim: ',', elem: 0, array_oid: 5039, collation: 0, typtype: 'b', storage: 'x', input: "pg_snapshot_in", output: "pg_snapshot_out", receive: "pg_snapshot_recv", send: "pg_snapshot_send", modin: "-", modout: "-", subscript: "-", shown: "pg_snapshot" },
    TypeInfo { oid: 5039, name: "_pg_snapshot", len: -1, by_val: false, align: 'd', category: 'A', preferred: false, delim: ',', elem: 5038, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "pg_snapshot[]" },
    TypeInfo { oid: 5069, name: "xid8", len: 8, by_val: true, align: 'd', category: 'U', preferred: false, delim: ',', elem: 0, array_oid: 271, collation: 0, typtype: 'b', storage: 'p', input: "xid8in", output: "xid8out", receive: "xid8recv", send: "xid8send", modin: "-", modout: "-", subscript: "-", shown: "xid8" },
    TypeInfo { oid: 5077, name: "anycompatible", len: 4, by_val: true, align: 'i', category: 'P', preferred: false, delim: ',', elem: 0, array_oid: 0, collation: 0, typtype: 'p', storage: 'p', input: "anycompatible_in", output: "anycompatible_out", receive: "-", send: "-", modin: "-", modout: "-", subscript: "-", shown: "anycompatible" },
    TypeInfo { oid: 5078, name: "anycompatiblearray", len: -1, by_val: false, align: 'd', category: 'P', preferred: false, delim: ',', elem: 0, array_oid: 0, collation: 0, typtype: 'p', storage: 'x', input: "anycompatiblearray_in", output: "anycompatiblearray_out", receive: "anycompatiblearray_recv", send: "anycompatiblearray_send", modin: "-", modout: "-", subscript: "-", shown: "anycompatiblearray" },
    TypeInfo { oid: 5079, name: "anycompatiblenonarray", len: 4, by_val: true, align: 'i', category: 'P', preferred: false, delim: ',', elem: 0, array_oid: 0, collation: 0, typtype: 'p', storage: 'p', input: "anycompatiblenonarray_in", output: "anycompatiblenonarray_out", receive: "-", send: "-", modin: "-", modout: "-", subscript: "-", shown: "anycompatiblenonarray" },
    TypeInfo { oid: 5080, name: "anycompatiblerange", len: -1, by_val: false, align: 'd', category: 'P', preferred: false, delim: ',', elem: 0, array_oid: 0, collation: 0, typtype: 'p', storage: 'x', input: "anycompatiblerange_in", output: "anycompatiblerange_out", receive: "-", send: "-", modin: "-", modout: "-", subscript: "-", shown: "anycompatiblerange" },
    TypeInfo { oid: 6150, name: "_int4multirange", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 4451, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "int4multirange[]" },
    TypeInfo { oid: 6151, name: "_nummultirange", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 4532, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "nummultirange[]" },
    TypeInfo { oid: 6152, name: "_tsmultirange", len: -1, by_val: false, align: 'd', category: 'A', preferred: false, delim: ',', elem: 4533, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "tsmultirange[]" },
    TypeInfo { oid: 6153, name: "_tstzmultirange", len: -1, by_val: false, align: 'd', category: 'A', preferred: false, delim: ',', elem: 4534, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "tstzmultirange[]" },
    TypeInfo { oid: 6155, name: "_datemultirange", len: -1, by_val: false, align: 'i', category: 'A', preferred: false, delim: ',', elem: 4535, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "datemultirange[]" },
    TypeInfo { oid: 6157, name: "_int8multirange", len: -1, by_val: false, align: 'd', category: 'A', preferred: false, delim: ',', elem: 4536, array_oid: 0, collation: 0, typtype: 'b', storage: 'x', input: "array_in", output: "array_out", receive: "array_recv", send: "array_send", modin: "-", modout: "-", subscript: "array_subscript_handler", shown: "int8multirange[]" },
];
