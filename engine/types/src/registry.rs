//! Which functions and aggregates run. [`kernel`] finds a kernel by the name PostgreSQL's `pg_proc.prosrc` gives the
//! function; [`kernel_of`] does it from the function's row. The tables are the modules' `KERNELS`, plus those that the
//! engine adds with [`add_kernels`] for functions that need its catalog.

use crate::kernel::{AggKernel, Kernel, KernelBody};
use crate::pgdata::Proc;
use crate::{aggs, funcs, oid};
use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

/// `pg_language.oid` of functions written in SQL: their `prosrc` is their text, so they are keyed by signature.
const SQL_LANGUAGE: u32 = 14;

const TABLES: &[&[&[Kernel]]] = &[
    funcs::agg_steps::KERNELS,
    funcs::array::KERNELS,
    funcs::bits::KERNELS,
    funcs::bytes::KERNELS,
    funcs::concat::KERNELS,
    funcs::date_format::KERNELS,
    funcs::date_read::KERNELS,
    funcs::datetime::KERNELS,
    funcs::enums::KERNELS,
    funcs::float::KERNELS,
    funcs::foreign::KERNELS,
    funcs::float_steps::KERNELS,
    funcs::hash::KERNELS,
    funcs::inet::KERNELS,
    funcs::info::KERNELS,
    funcs::int::KERNELS,
    funcs::json::KERNELS,
    funcs::json_record::KERNELS,
    funcs::jsonb::KERNELS,
    funcs::jsonb_edit::KERNELS,
    funcs::jsonb_make::KERNELS,
    funcs::jsonpath::KERNELS,
    funcs::like::KERNELS,
    funcs::lsn::KERNELS,
    funcs::macaddr::KERNELS,
    funcs::money::KERNELS,
    funcs::num_format::KERNELS,
    funcs::numeric::KERNELS,
    funcs::oid::KERNELS,
    funcs::ident::KERNELS,
    funcs::quote::KERNELS,
    funcs::range::KERNELS,
    funcs::regex::KERNELS,
    funcs::row::KERNELS,
    funcs::series::KERNELS,
    funcs::snapshot::KERNELS,
    funcs::text::KERNELS,
    funcs::tid::KERNELS,
    funcs::unicode::KERNELS,
    crate::geo::KERNELS,
    crate::tsearch::KERNELS,
    crate::xml::KERNELS,
    crate::xml::QUERIES,
];

static ADDED: OnceLock<HashMap<&'static str, &'static Kernel>> = OnceLock::new();

fn index(kernels: impl Iterator<Item = &'static Kernel>) -> HashMap<&'static str, &'static Kernel> {
    kernels.map(|k| (k.name, k)).collect()
}

/// Adds the engine's own kernels. The first call decides; a later one (a second engine in the same process) is expected
/// to bring the same tables and changes nothing. A built-in kernel of the same name wins.
pub fn add_kernels(tables: &[&'static [Kernel]]) {
    ADDED.get_or_init(|| index(tables.iter().flat_map(|t| t.iter())));
}

/// The kernels of the modules, each with its vectorised form if it has one.
fn built_in() -> &'static HashMap<&'static str, Kernel> {
    static MAP: LazyLock<HashMap<&'static str, Kernel>> = LazyLock::new(|| {
        let mut map: HashMap<&'static str, Kernel> =
            TABLES.iter().flat_map(|module| module.iter()).flat_map(|t| t.iter()).map(|k| (k.name, *k)).collect();
        for &(name, vector) in funcs::vector::VECTORS {
            if let Some(Kernel { body, .. }) = map.get_mut(name)
                && let KernelBody::Scalar(scalar) = *body
            {
                *body = KernelBody::Vector(scalar, vector);
            }
        }
        map
    });
    &MAP
}

/// The kernel of an internal function, by `pg_proc.prosrc`.
pub fn kernel(prosrc: &str) -> Option<&'static Kernel> {
    built_in().get(prosrc).or_else(|| ADDED.get()?.get(prosrc).copied()).or_else(|| funcs::send::kernel(prosrc))
}

/// The kernel of a built-in function; `None` when RustyDB does not implement it.
pub fn kernel_of(proc: &Proc) -> Option<&'static Kernel> {
    if crate::host::needs_host(proc) {
        return None;
    }
    if proc.prolang == SQL_LANGUAGE { kernel(&signature(proc)) } else { kernel(&proc.prosrc) }
}

/// A function's name and argument types as `regprocedure` shows them for a function that the search path finds, but
/// without quotes around names: `sum(integer)`, `count("any")`.
pub fn signature(proc: &Proc) -> String {
    let args: Vec<String> = proc.proargtypes.iter().map(|&t| sql_name(t)).collect();
    format!("{}({})", proc.proname, args.join(","))
}

/// A type as `format_type(oid, NULL)` shows it.
fn sql_name(oid: u32) -> String {
    oid::type_info(oid).map_or_else(|| crate::typename::format_type(oid, -1), |t| t.shown.to_owned())
}

const AGGREGATES: &[&[&[AggKernel]]] = &[
    &[
        aggs::count::AGGREGATES,
        aggs::minmax::AGGREGATES,
        aggs::interval::AGGREGATES,
        aggs::json::AGGREGATES,
        aggs::xml::AGGREGATES,
        aggs::jsonb::AGGREGATES,
        aggs::money::AGGREGATES,
        aggs::collect::AGGREGATES,
        aggs::range::AGGREGATES,
        aggs::ordered::AGGREGATES,
    ],
    aggs::exact::AGGREGATES,
    aggs::float::AGGREGATES,
];

/// Aggregates behind expressions, which no function of PostgreSQL 15 is.
const EXPRESSIONS: &[AggKernel] = aggs::sqljson::AGGREGATES;

/// The aggregate of a signature (see [`signature`]), e.g. `sum(integer)`, `count()` for `count(*)`.
pub fn agg_kernel(signature: &str) -> Option<&'static AggKernel> {
    static MAP: LazyLock<HashMap<&'static str, &'static AggKernel>> = LazyLock::new(|| {
        AGGREGATES
            .iter()
            .flat_map(|m| m.iter())
            .flat_map(|t| t.iter())
            .chain(EXPRESSIONS)
            .map(|a| (a.signature, a))
            .collect()
    });
    MAP.get(signature).copied()
}

/// The implementation of a built-in aggregate; `None` when RustyDB does not have it.
pub fn agg_kernel_of(proc: &Proc) -> Option<&'static AggKernel> {
    if proc.oid >= crate::userproc::FIRST_USER_OID {
        return None;
    }
    agg_kernel(&signature(proc))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pgdata;
    use std::collections::HashSet;

    #[test]
    fn aggregates_belong_to_postgresql_and_occur_once() {
        let known: HashSet<String> = pgdata::procs().iter().filter(|p| p.prokind == 'a').map(signature).collect();
        let mut seen = HashSet::new();
        for a in AGGREGATES.iter().flat_map(|m| m.iter()).flat_map(|t| t.iter()) {
            assert!(known.contains(a.signature), "{} is no aggregate of PostgreSQL", a.signature);
            assert!(seen.insert(a.signature), "{} occurs twice", a.signature);
        }
    }

    #[test]
    fn kernels_belong_to_functions_of_postgresql_and_occur_once() {
        let known: HashSet<String> = pgdata::procs()
            .iter()
            .map(|p| if p.prolang == SQL_LANGUAGE { signature(p) } else { p.prosrc.to_string() })
            .collect();
        let mut seen = HashSet::new();
        for k in TABLES.iter().flat_map(|m| m.iter()).flat_map(|t| t.iter()) {
            assert!(known.contains(k.name), "{} is no function of PostgreSQL", k.name);
            assert!(seen.insert(k.name), "{} has two kernels", k.name);
        }
    }
}
