//! Names that the server chooses, as PostgreSQL chooses them: `t_pkey`, `t_a_b_key`, `t_a_check1`, cut to 63 bytes.

use crate::catalog::Catalog;

/// Longest name in bytes.
pub const MAX_NAME: usize = 63;

/// Cuts at a character, to at most `max` bytes.
pub fn clip(s: &str, max: usize) -> &str {
    let mut end = s.len().min(max);
    while !s.is_char_boundary(end) {
        end -= 1;
    }
    &s[..end]
}

/// `name1[_name2][_label]`; the longer of the two names is shortened until all fits.
pub fn make_object_name(name1: &str, name2: Option<&str>, label: Option<&str>) -> String {
    let (mut n1, mut n2) = (name1.len(), name2.map_or(0, str::len));
    let overhead = usize::from(name2.is_some()) + label.map_or(0, |l| l.len() + 1);
    let room = MAX_NAME.saturating_sub(overhead);
    while n1 + n2 > room {
        if n1 > n2 {
            n1 -= 1;
        } else {
            n2 -= 1;
        }
    }
    let mut out = clip(name1, n1).to_owned();
    if let Some(n) = name2 {
        out.push('_');
        out.push_str(clip(n, n2));
    }
    if let Some(l) = label {
        out.push('_');
        out.push_str(l);
    }
    out
}

fn numbered(name1: &str, name2: Option<&str>, label: &str, taken: impl Fn(&str) -> bool) -> String {
    let mut pass = 0u32;
    let mut l = label.to_owned();
    loop {
        let name = make_object_name(name1, name2, Some(&l));
        if !taken(&name) {
            return name;
        }
        pass += 1;
        l = format!("{label}{pass}");
    }
}

/// Whether a constraint of that name exists in a schema.
fn constraint_exists(cat: &Catalog, ns: u32, name: &str) -> bool {
    cat.relations.values().any(|r| r.constraints.iter().any(|c| c.namespace == ns && c.name == name))
}

/// A free name for a relation; an index that backs a constraint must not share a constraint's name either.
pub fn choose_relation_name(
    cat: &Catalog,
    ns: u32,
    taken: &[String],
    name1: &str,
    name2: Option<&str>,
    label: &str,
    constraint: bool,
) -> String {
    numbered(name1, name2, label, |n| {
        taken.iter().any(|t| t == n)
            || cat.relation_named(ns, n).is_some()
            || constraint && constraint_exists(cat, ns, n)
    })
}

/// A free name for a constraint.
pub fn choose_constraint_name(
    cat: &Catalog,
    ns: u32,
    taken: &[String],
    name1: &str,
    name2: Option<&str>,
    label: &str,
) -> String {
    numbered(name1, name2, label, |n| taken.iter().any(|t| t == n) || constraint_exists(cat, ns, n))
}

/// Column names joined for an automatic name.
pub fn name_addition<'a>(columns: impl IntoIterator<Item = &'a str>) -> String {
    let mut out = String::new();
    for c in columns {
        if !out.is_empty() {
            out.push('_');
        }
        out.push_str(c);
        if out.len() > MAX_NAME {
            break;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_as_postgresql_cuts_them() {
        assert_eq!(make_object_name("t", None, Some("pkey")), "t_pkey");
        assert_eq!(make_object_name("t", Some("a_b"), Some("key")), "t_a_b_key");
        let long = "a".repeat(60);
        let n = make_object_name(&long, Some("column_name"), Some("check"));
        assert_eq!((n.len(), n.as_str()), (63, format!("{}_column_name_check", "a".repeat(45)).as_str()));
        let both = make_object_name(&"x".repeat(63), Some(&"y".repeat(63)), Some("fkey"));
        assert_eq!(both, format!("{}_{}_fkey", "x".repeat(29), "y".repeat(28)));
        let wide = make_object_name(&"é".repeat(31), None, Some("pkey"));
        assert_eq!(wide, format!("{}_pkey", "é".repeat(29)));
    }

    #[test]
    fn numbers_follow_the_label() {
        let used = ["t_a_key".to_owned(), "t_a_key1".to_owned()];
        assert_eq!(numbered("t", Some("a"), "key", |n| used.iter().any(|u| u == n)), "t_a_key2");
        assert_eq!(name_addition(["a", "b"]), "a_b");
    }
}
