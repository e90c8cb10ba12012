//! Finding a function by its signature, as statements about it write it.

use super::{DdlCx, err};
use rustydb_base::{Result, SqlState};
use rustydb_parser::ast::{Name, ObjectKind, RoutineArg, TypeName};
use rustydb_types::pgdata::{self, Proc};
use rustydb_types::typename::format_type;

/// A type's name as syntax.
pub fn plain_type(n: &Name) -> TypeName {
    TypeName { name: n.clone(), mods: Vec::new(), dims: Vec::new(), setof: false, pct_type: false }
}

/// The function of a signature: OID and name.
///
/// # Errors
/// 42883 when there is none, 42725 when a name without arguments has several, 42809 for the wrong kind.
pub fn find(cx: &DdlCx<'_>, kind: ObjectKind, n: &Name, args: Option<&[RoutineArg]>) -> Result<(u32, String)> {
    let name = n.name.value.as_str();
    let namespaces: Vec<u32> = match &n.schema {
        Some(s) => vec![cx.need_schema_named(&s.value)?],
        None => cx.search_path.clone(),
    };
    let word = super::object_word(kind);
    let candidates: Vec<&'static Proc> = namespaces
        .iter()
        .flat_map(|ns| pgdata::procs_named(name).iter().filter(move |p| p.pronamespace == *ns))
        .copied()
        .collect();
    let found = match args {
        None => match candidates.as_slice() {
            [] => {
                return Err(err(
                    SqlState::UNDEFINED_FUNCTION,
                    format!("could not find a {word} named \"{}\"", n.plain()),
                ));
            }
            [one] => *one,
            _ => {
                return Err(err(SqlState::AMBIGUOUS_FUNCTION, format!("{word} name \"{}\" is not unique", n.plain()))
                    .hint(format!("Specify the argument list to select the {word} unambiguously.")));
            }
        },
        Some(args) => {
            let mut types = Vec::with_capacity(args.len());
            for a in args.iter().filter(|a| a.mode != Some("out")) {
                types.push(cx.binder(|b| b.type_name(&a.ty))?.oid);
            }
            candidates.into_iter().find(|p| p.proargtypes.iter().eq(types.iter())).ok_or_else(|| {
                let shown: Vec<String> = types.iter().map(|t| format_type(*t, -1)).collect();
                err(SqlState::UNDEFINED_FUNCTION, format!("{word} {}({}) does not exist", n.plain(), shown.join(", ")))
            })?
        }
    };
    let fits = match kind {
        ObjectKind::Function => found.prokind != 'p',
        ObjectKind::Procedure => found.prokind == 'p',
        ObjectKind::Aggregate => found.prokind == 'a',
        _ => true,
    };
    if !fits {
        let shown: Vec<String> = found.proargtypes.iter().map(|t| format_type(*t, -1)).collect();
        return Err(err(
            SqlState::WRONG_OBJECT_TYPE,
            format!(
                "{}({}) is not {} {word}",
                n.plain(),
                shown.join(", "),
                if kind == ObjectKind::Aggregate { "an" } else { "a" }
            ),
        ));
    }
    Ok((found.oid, found.proname.to_owned()))
}
